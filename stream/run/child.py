"""One process of the run as the supervisor sees it: started, heard, killed."""

import collections
import contextlib
import logging
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field

from posestream.stream.ipc.messages import Failed
from posestream.stream.run.restart_budget import Budget
from posestream.stream.run.topology import Topology
from posestream.stream.sources.redact import redact

log = logging.getLogger(__name__)

LOG_TAIL_LINES = 30  # lines of a process's log that are kept for the message about its death


@dataclass
class Child:
    """A process: its handle while it runs, when it was last heard, and how often it may be started again.

    `going` says that a capture was told to open its source, `busy` that the process said that it will be silent,
    `about` and `on_gpu` what it ran on when it was last ready, `tries_gpu` that it is about to run there, `failure` why
    it cannot go on.
    """

    name: str
    budget: Budget
    popen: subprocess.Popen[bytes] | None = None
    ready: bool = False
    source_started: bool = False
    busy: bool = False
    description: str = ""
    on_gpu: bool = False
    tries_gpu: bool = False
    failure: Failed | None = None
    last_heartbeat_ns: int = 0
    log_tail: collections.deque[str] = field(default_factory=lambda: collections.deque(maxlen=LOG_TAIL_LINES))
    _listener: threading.Thread | None = None

    def start(self, topology: Topology, now_ns: int) -> None:
        """Starts a fresh interpreter in a session of its own: Ctrl-C reaches the supervisor alone.

        It does not look for modules in the user's folder (`-P`), where a `stream.py` may lie.
        No stage multiplies large matrices; NumPy's threads for that would cost each process a tenth of a second.
        """
        self.ready = self.source_started = self.busy = self.tries_gpu = False
        self.failure = None
        self.last_heartbeat_ns = now_ns
        self.popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "posestream.stream.run.process", self.name],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={"OPENBLAS_NUM_THREADS": "1", **os.environ},
        )
        assert self.popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it was killed at once, which is seen as any other death
            self.popen.stdin.write(topology.redacted_for(self.name).encode() + b"\n")
            self.popen.stdin.flush()
        self._listener = threading.Thread(target=self._listen, args=(self.popen,), name=self.name, daemon=True)
        self._listener.start()

    def ended(self) -> bool:
        """True where the process is no more."""
        return self.popen is None or self.popen.poll() is not None

    def wait(self, timeout_s: float) -> bool:
        """Waits for the end; False where it takes longer."""
        if self.popen is None:
            return True
        try:
            self.popen.wait(max(timeout_s, 0.0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Ends the process at once, and collects what is left of it."""
        if self.popen is None:
            return
        self.popen.kill()
        self.popen.wait()

    def collect(self) -> None:
        """After the end: reads the rest of its log and closes its pipes."""
        if self.popen is None or self._listener is None:
            return
        self._listener.join(1.0)
        for pipe in (self.popen.stdin, self.popen.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # of what it died before reading
                    pipe.close()

    def _listen(self, popen: subprocess.Popen[bytes]) -> None:
        assert popen.stderr is not None
        for line in popen.stderr:
            text = redact(line.decode(errors="replace").rstrip())
            self.log_tail.append(text)
            log.info("%s", text)
