"""How soon there is a pose, and how soon it is over."""

import contextlib
import signal
import socket
import subprocess
import sys
import time

from posestream.stream.client import Subscriber
from posestream.stream.errors import RunError
from tools.benchmark.figures import Figure, Goal, Result

PATIENCE_S = 60.0


def measure(repeats: int, quick: bool) -> Result:
    """One start that counts nothing, for the caches, then one a repeat."""
    if not quick:
        _once()
    times = [_once() for _ in range(1 if quick else repeats)]
    return Result(
        "`posestream run demo`, live page included, with caches filled by a run before",
        [
            Figure("command to first published person", "s", [started for started, _ in times], Goal("<", 5.0)),
            Figure("Ctrl-C to the end of the command", "s", [ended for _, ended in times], Goal("<", 2.0)),
        ],
    )


def _once() -> tuple[float, float]:
    """Seconds from the command to the first person, and from Ctrl-C to its end. Raises RunError."""
    endpoint = f"tcp://127.0.0.1:{_free_port()}"
    command = [sys.executable, "-m", "posestream.stream.cli.main", "run", "demo"]
    began_s = time.monotonic()
    run = subprocess.Popen(
        [*command, "--publish", endpoint, "--page", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True
    )
    try:
        started_s = _first_person_s(endpoint, run) - began_s
        stopped_s = time.monotonic()
        run.send_signal(signal.SIGINT)
        run.wait(PATIENCE_S)
        return started_s, time.monotonic() - stopped_s
    finally:
        run.kill()
        run.communicate()


def _first_person_s(endpoint: str, run: "subprocess.Popen[str]") -> float:
    with Subscriber(endpoint) as subscriber:
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s and run.poll() is None:
            with contextlib.suppress(TimeoutError):
                if subscriber.recv(0.2).people:
                    return time.monotonic()
    run.kill()
    run.wait()
    assert run.stderr is not None
    raise RunError(f"`posestream run demo` published nobody within {PATIENCE_S:g} s: {run.stderr.read()[-300:]}")


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
