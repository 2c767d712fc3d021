"""posestream as a user runs it: the command in a session of its own, its output, its processes, its remains."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from posestream.stream.client import Published, Subscriber
from posestream.stream.ipc.ledger import Ledger
from posestream.stream.published import PoseMessage
from posestream.stream.run import run_folder

PATIENCE_S = 90.0  # for anything that must happen; a machine that is busy takes long to start eight processes
MARK = "POSESTREAM_TEST_RUN"  # in the environment of a run and of all its processes


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a run: exit code, and all lines of its output."""

    code: int
    lines: tuple[str, ...]

    @property
    def error(self) -> str:
        """The one line of error."""
        (line,) = [line for line in self.lines if line.startswith("posestream: error: ")]
        return line.removeprefix("posestream: error: ")

    def balance(self, camera: str = "cam0") -> tuple[int, int, int]:
        """Frames captured, published and dropped, from the last line about the camera."""
        pattern = rf"{camera}: (\d+) frames captured = (\d+) published \+ (\d+) dropped.*"
        (found,) = [match for line in self.lines if (match := re.fullmatch(pattern, line))]
        return int(found[1]), int(found[2]), int(found[3])


class Product:
    """A `posestream run`. Waits are for events; `PATIENCE_S` only bounds them."""

    def __init__(
        self,
        *arguments: object,
        folder: Path,
        settings: str = "",
        config: str = "settings.toml",
        environment: dict[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> None:
        """Starts it in `folder`, with `settings` in its settings.toml. `before` goes before the command: `unshare`."""
        self.working_folder = folder
        self.mark = uuid.uuid4().hex
        self.lines: list[str] = []
        self._left_before = set(run_folder.dead())
        self._new_line = threading.Condition()
        (folder / "settings.toml").write_text(settings)
        command = [*before, sys.executable, "-m", "posestream.stream.cli.main", "run", *map(str, arguments)]
        self.popen = subprocess.Popen(
            [*command, "--config", config],
            cwd=folder,
            env={**os.environ, **(environment or {}), MARK: self.mark},
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    # ---- its output

    def line(self, pattern: str) -> "re.Match[str]":
        """Waits for a line in which `pattern` is found."""
        found: re.Match[str] | None = None

        def found_or_ended() -> bool:
            nonlocal found
            found = next((match for line in self.lines if (match := re.search(pattern, line))), None)
            return found is not None or not self._listener.is_alive()

        with self._new_line:
            self._new_line.wait_for(found_or_ended, PATIENCE_S)
        assert found, f"no line {pattern!r} in:\n{self.output}"
        return found

    @property
    def output(self) -> str:
        """All output so far."""
        return "\n".join(self.lines)

    @property
    def endpoint(self) -> str:
        """Where it publishes, once it does."""
        return self.line(r"^poses: (\S+)")[1]

    def _listen(self) -> None:
        assert self.popen.stderr
        for line in self.popen.stderr:
            with self._new_line:
                self.lines.append(line.rstrip("\n"))
                self._new_line.notify_all()
        with self._new_line:
            self._new_line.notify_all()

    # ---- its processes

    def processes(self) -> list[psutil.Process]:
        """All that live, the supervisor included."""
        return [process for process in psutil.process_iter() if _mark_of(process) == self.mark]

    def process(self, name: str) -> psutil.Process:
        """The stage, page or sink called so. Waits until it is there."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for process in self.processes():
                if _arguments(process)[-2:] == ["posestream.stream.run.process", name]:
                    return process
        raise AssertionError(f"no process {name} in {[_arguments(p) for p in self.processes()]}")

    @property
    def supervisor(self) -> psutil.Process:
        """The process that the user started."""
        return psutil.Process(self.popen.pid)

    @property
    def folder(self) -> Path:
        """The run's folder in shared memory."""
        opened = (Path(file.path) for file in self.supervisor.open_files())
        return next(path.parent for path in opened if path.name == "lock")

    def ledger(self, *cameras: str) -> Ledger:
        """The run's counters."""
        return Ledger(self.folder / "ledger", cameras or ("cam0",))

    # ---- its end

    def interrupt(self) -> Ended:
        """Ctrl-C: the terminal signals the whole foreground group."""
        os.killpg(self.popen.pid, signal.SIGINT)
        return self.finish()

    def finish(self) -> Ended:
        """Waits for the end, and sees to it that nothing is left: no process, no shared memory."""
        code = self.popen.wait(PATIENCE_S)
        assert self.processes() == []
        assert set(run_folder.dead()) <= self._left_before
        self._listener.join(PATIENCE_S)
        return Ended(code, tuple(self.lines))

    def kill(self) -> None:
        """Ends whatever is left, for the next test."""
        for process in self.processes():
            process.kill()
        self.popen.wait(PATIENCE_S)
        self._listener.join(PATIENCE_S)
        assert self.popen.stderr
        self.popen.stderr.close()
        if set(run_folder.dead()) - self._left_before:
            run_folder.reclaim()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Watching:
    """A subscriber to a run that waits for certain messages."""

    def __init__(self, endpoint: str, cameras: Sequence[str] | None = None) -> None:
        self.subscriber: Subscriber[Published] = Subscriber(endpoint, cameras=cameras, states=True)
        self.states: dict[str, str] = {}
        self.reasons: dict[str, str] = {}

    def pose(self, *, people: bool = False, after: int = -1) -> PoseMessage:
        """The next pose message: with `people` one that has some, and of a number greater than `after`."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            message = self.subscriber.recv(PATIENCE_S)
            if not isinstance(message, PoseMessage):
                self.states[message.camera] = message.state
                self.reasons[message.camera] = message.reason
            elif (message.people or not people) and message.seq > after:
                return message
        raise AssertionError(f"no such pose from {self.subscriber.endpoint}")

    def state(self, camera: str, *wanted: str) -> str:
        """Waits until the camera is in one of these states; returns the reason."""
        deadline = time.monotonic() + PATIENCE_S
        while self.states.get(camera) not in wanted:
            message = self.subscriber.recv(PATIENCE_S)
            if not isinstance(message, PoseMessage):
                self.states[message.camera] = message.state
                self.reasons[message.camera] = message.reason
            assert time.monotonic() < deadline, f"{camera} is {self.states.get(camera)}, not {wanted}"
        return self.reasons[camera]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.subscriber.close()


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Waits for a condition that no message announces."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"not in {PATIENCE_S:.0f} s: {what}"


def _mark_of(process: psutil.Process) -> str:
    try:
        return str(process.environ().get(MARK))
    except psutil.Error:  # ended meanwhile, or not ours
        return ""


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
