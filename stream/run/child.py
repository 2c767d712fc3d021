"""A child process of the supervisor: its handle, its state, its log."""

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

LOG_TAIL_LINES = 30  # kept for the message about the process's death


@dataclass
class Child:
    """A process of the run, over all its restarts.

    ready, busy
        Its last Ready or Heartbeat message; `busy`: no heartbeat is due until the next one.
    source_started
        A capture was sent Start.
    description, on_gpu
        What it runs on, from its last Ready message; kept after its death.
    tries_gpu
        It is about to run on a GPU for the first time.
    failure
        Its Failed message, if it sent one.
    last_heartbeat_ns
        Monotonic time of its last message or start.
    log_tail
        Its last `LOG_TAIL_LINES` lines of standard error, credentials redacted.
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
        """Starts a new interpreter in a session of its own, so that Ctrl-C reaches the supervisor alone.

        `-P`: modules are not looked for in the user's folder, where a `stream.py` may lie. OpenBLAS gets one thread: no
        stage multiplies large matrices, and starting its threads costs each process a tenth of a second.
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
        with contextlib.suppress(BrokenPipeError):  # it died at once; `ended` reports that like any other death
            self.popen.stdin.write(topology.redacted_for(self.name).encode() + b"\n")
            self.popen.stdin.flush()
        self._listener = threading.Thread(target=self._listen, args=(self.popen,), name=self.name, daemon=True)
        self._listener.start()

    def ended(self) -> bool:
        """True if the process has ended, or was never started."""
        return self.popen is None or self.popen.poll() is not None

    def wait(self, timeout_s: float) -> bool:
        """Waits for the process to end; False after `timeout_s`."""
        if self.popen is None:
            return True
        try:
            self.popen.wait(max(timeout_s, 0.0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Kills the process and reaps it."""
        if self.popen is None:
            return
        self.popen.kill()
        self.popen.wait()

    def collect(self) -> None:
        """Reads the rest of an ended process's log and closes its pipes."""
        if self.popen is None or self._listener is None:
            return
        self._listener.join(1.0)
        for pipe in (self.popen.stdin, self.popen.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # the child died before reading its stdin
                    pipe.close()

    def _listen(self, popen: subprocess.Popen[bytes]) -> None:
        assert popen.stderr is not None
        for line in popen.stderr:
            text = redact(line.decode(errors="replace").rstrip())
            self.log_tail.append(text)
            log.info("%s", text)
