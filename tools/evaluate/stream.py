"""Images or a video through a whole run of `posestream run`, and back as messages."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from posestream.stream.published import PoseMessage

_LOOK_S = 0.2  # between two looks at how far a run is


class Options:
    """What a run is told: flags of `posestream run`, and settings by "section.key"."""

    def __init__(self, *flags: str, settings: Mapping[str, float] | None = None) -> None:
        self.flags = flags
        self.settings = dict(settings or {})

    def with_flags(self, *flags: str) -> "Options":
        """These and more flags."""
        return Options(*self.flags, *flags, settings=self.settings)

    def with_settings(self, **settings: float) -> "Options":
        """These and other settings."""
        return Options(*self.flags, settings=self.settings | settings)

    @property
    def toml(self) -> str:
        """The settings as a file for --config."""
        settings = {"run.in_flight_timeout_ms": 60000, **self.settings}  # however busy the machine is
        return "".join(f"{name} = {value}\n" for name, value in settings.items())


@dataclass(frozen=True, slots=True)
class Outcome:
    """The messages in order; `frame_ms` is the time that the run took for a frame, on average."""

    messages: tuple[PoseMessage, ...]
    frame_ms: float


def ignore(_frames: int) -> None:
    """For those who do not watch a run."""


def run(source: Path, options: Options, output: Path, progress: Callable[[int], None] = ignore) -> None:
    """Runs `posestream run SOURCE OPTIONS --output OUTPUT`, telling `progress` how many frames are done.

    Raises RuntimeError with the run's last line where it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        config, said = Path(folder) / "config.toml", Path(folder) / "said"
        config.write_text(options.toml)
        command = [
            sys.executable,
            "-m",
            "posestream.stream.cli.main",
            "run",
            str(source),
            "--page",
            "off",
            "--config",
            str(config),
        ]
        command += ["--publish", "tcp://127.0.0.1:*", "--output", str(output), *options.flags]
        with said.open("w") as errors, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors) as running:
            try:
                while _still(running):
                    progress(_lines(output))
            except BaseException:
                running.terminate()
                raise
        progress(_lines(output))
        if running.returncode != 0:
            raise RuntimeError((said.read_text().strip().splitlines() or ["the run ended without a word"])[-1])


def read(output: Path) -> Outcome:
    """What a run wrote."""
    messages = tuple(msgspec.json.decode(line, type=PoseMessage) for line in output.read_bytes().splitlines())
    if not messages:
        return Outcome((), float("nan"))
    published_ns = [message.stamps_ns["publish"] for message in messages]
    return Outcome(messages, (published_ns[-1] - published_ns[0]) / 1e6 / max(len(messages) - 1, 1))


def _still(running: "subprocess.Popen[bytes]") -> bool:
    try:
        running.wait(_LOOK_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _lines(output: Path) -> int:
    return output.read_bytes().count(b"\n") if output.exists() else 0
