"""A run under a systemd that waits for its signs of life: a real run, a real socket."""

import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ipc.conftest import StartRun
from tests.ipc.product import PATIENCE_S, Watching

WATCHDOG_US = 200_000


class Listening:
    """Collects what a run says to systemd."""

    def __init__(self, address: Path) -> None:
        self.told: list[str] = []
        self._heard = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address))
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def wait_for(self, text: str, times: int = 1) -> None:
        """Waits until a message with this text came so often, from now on."""
        with self._heard:
            before = len(self.told)
            heard = self._heard.wait_for(
                lambda: sum(text in message for message in self.told[before:]) >= times, PATIENCE_S
            )
        assert heard, f"{text!r} is not in {self.told[before:]}"

    def close(self) -> list[str]:
        """All that came, in order; the run must have ended. May be called twice."""
        if self._thread.is_alive():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"", self._socket.getsockname())
            self._thread.join(PATIENCE_S)
            self._socket.close()
        return self.told

    def _listen(self) -> None:
        while message := self._socket.recv(4096):
            with self._heard:
                self.told.append(message.decode())
                self._heard.notify_all()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Listening]:
    listening = Listening(tmp_path / "notify")
    yield listening
    listening.close()


def environment(folder: Path) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": str(WATCHDOG_US)}


def test_a_run_says_that_it_is_ready_how_it_goes_that_it_lives_and_that_it_stops(
    posestream: StartRun, tmp_path: Path, systemd: Listening
) -> None:
    run = posestream("demo", "--frames", "120", environment=environment(tmp_path))
    assert run.finish().code == 0
    told = systemd.close()
    ready = told.index("READY=1")
    assert not any(message == "WATCHDOG=1" for message in told[:ready])
    assert told.count("READY=1") == 1
    assert told.count("WATCHDOG=1") > 1
    assert any(message.startswith("STATUS=live · ") and " fps · " in message for message in told[ready:])
    assert (told[-1], told.count("STOPPING=1")) == ("STOPPING=1", 1)


def test_a_run_that_is_asked_to_stop_says_so(posestream: StartRun, tmp_path: Path, systemd: Listening) -> None:
    run = posestream("demo", environment=environment(tmp_path))
    with Watching(run.endpoint) as watching:
        watching.pose()
    run.supervisor.send_signal(signal.SIGTERM)
    assert run.finish().code == 0
    told = systemd.close()
    assert (told[-1], told.count("STOPPING=1")) == ("STOPPING=1", 1)


def test_a_run_whose_stage_comes_back_shows_life_again(
    posestream: StartRun, tmp_path: Path, systemd: Listening
) -> None:
    run = posestream("demo", environment=environment(tmp_path))
    systemd.wait_for("WATCHDOG=1")
    run.process("infer").kill()
    run.line("infer died")
    systemd.wait_for("WATCHDOG=1", times=2)
    assert run.interrupt().code == 0
