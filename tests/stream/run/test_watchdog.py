"""What systemd is told, on a datagram socket as it makes one."""

import contextlib
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from posestream.stream import config
from posestream.stream.run.child import Child
from posestream.stream.run.restart_budget import Budget
from posestream.stream.run.watchdog import Watchdog

S = 1_000_000_000
NAMES = ("capture.cam0", "preprocess.0", "infer", "postprocess.0", "publish", "sink.0", "page")
VITAL = ("preprocess.0", "infer", "postprocess.0", "publish")
WATCHDOG_S = 2  # is asked for here


class Systemd:
    """The other end."""

    def __init__(self, address: str, name: str) -> None:
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)

    def told(self) -> list[str]:
        """What has come; a datagram on this machine is there as soon as it was sent."""
        texts = []
        while True:
            try:
                texts.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return texts


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    path, abstract = str(tmp_path / "notify"), f"posestream-test-{uuid.uuid4().hex}"
    end = Systemd(path, path) if request.param == "path" else Systemd(f"\0{abstract}", f"@{abstract}")
    with end.socket:
        yield end


def environment(systemd: Systemd, **others: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)} | others


def children(*missing: str) -> dict[str, Child]:
    """The processes of a run, all ready but those."""
    settings = config.defaults().supervisor
    return {name: Child(name, Budget(settings), ready=name not in missing) for name in NAMES}


@pytest.mark.parametrize("missing", NAMES)
def test_a_run_is_ready_once_all_its_processes_are(systemd: Systemd, missing: str) -> None:
    with Watchdog(environment(systemd)) as watchdog:
        watchdog.update(children(missing), "starting", 0)
        watchdog.update(children(missing), "starting", 9 * S)
        assert systemd.told() == ["STATUS=starting"]
        watchdog.update(children(), "starting", 10 * S)
        assert systemd.told() == ["READY=1"]
        watchdog.update(children(), "starting", 10 * S)
        assert systemd.told() == []


def test_it_shows_that_it_lives_at_half_the_interval_asked_for(systemd: Systemd) -> None:
    ticks = range(0, 10 * S, S // 20)
    with Watchdog(environment(systemd)) as watchdog:
        for now in ticks:
            watchdog.update(children(), "", now)
        assert systemd.told() == ["READY=1", *["WATCHDOG=1"] * 9]


@pytest.mark.parametrize("missing", NAMES)
def test_it_shows_no_life_while_a_vital_process_is_missing(systemd: Systemd, missing: str) -> None:
    with Watchdog(environment(systemd)) as watchdog:
        watchdog.update(children(), "", 0)
        watchdog.update(children(missing), "", WATCHDOG_S * S)
        assert systemd.told() == ["READY=1", *["WATCHDOG=1"] * (missing not in VITAL)]
        watchdog.update(children(), "", 2 * WATCHDOG_S * S)
        assert systemd.told() == ["WATCHDOG=1"]


@pytest.mark.parametrize("pid", [1, os.getpid()], ids=["another", "this one"])
def test_life_is_shown_by_the_process_that_was_asked_alone(systemd: Systemd, pid: int) -> None:
    with Watchdog(environment(systemd, WATCHDOG_PID=str(pid))) as watchdog:
        for now in (0, WATCHDOG_S * S):
            watchdog.update(children(), "", now)
        assert systemd.told() == ["READY=1", *["WATCHDOG=1"] * (pid != 1)]


@pytest.mark.parametrize("interval", ["", "0", "-1", "much"])
def test_without_an_interval_life_is_not_shown(systemd: Systemd, interval: str) -> None:
    with Watchdog(environment(systemd, WATCHDOG_USEC=interval)) as watchdog:
        for now in (0, 1000 * S):
            watchdog.update(children(), "", now)
        assert systemd.told() == ["READY=1"]


def test_its_status_is_shown_when_it_changes_and_once_a_second_at_most(systemd: Systemd) -> None:
    with Watchdog(environment(systemd, WATCHDOG_USEC="")) as watchdog:
        for now, status in ((0, "a"), (S // 2, "b"), (S, "b"), (3 * S, "b"), (3 * S, "c")):
            watchdog.update(children(), status, now)
        assert systemd.told() == ["READY=1", "STATUS=a", "STATUS=b", "STATUS=c"]


def test_that_it_stops_is_said_once(systemd: Systemd) -> None:
    with Watchdog(environment(systemd)) as watchdog:
        watchdog.stopping()
    assert systemd.told() == ["STOPPING=1"]


def test_the_end_of_a_run_is_said_too(systemd: Systemd) -> None:
    with Watchdog(environment(systemd)):
        pass
    assert systemd.told() == ["STOPPING=1"]


def fill(address: str) -> None:
    """Sends to the socket until it takes nothing from anybody: a sender may have no room before it has none."""
    sent = True
    while sent:
        sent = False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(BlockingIOError):
            sender.setblocking(False)
            while True:
                sender.sendto(b"full", address)
                sent = True


def test_what_systemd_had_no_room_for_is_said_again(systemd: Systemd) -> None:
    with Watchdog(environment(systemd)) as watchdog:
        fill(systemd.socket.getsockname())
        watchdog.update(children(), "live", 0)
        assert set(systemd.told()) == {"full"}
        watchdog.update(children(), "live", S)
        assert systemd.told() == ["READY=1", "STATUS=live"]


@pytest.mark.parametrize("name", ["", "relative/path", "vsock:2:1234"])
def test_where_systemd_does_not_ask_nothing_is_done(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    with Watchdog({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1"}) as watchdog:
        watchdog.update(children(), "live", S)


def test_a_run_outlives_the_systemd_that_asked(tmp_path: Path) -> None:
    with Watchdog({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "1"}) as watchdog:
        watchdog.update(children(), "live", S)
