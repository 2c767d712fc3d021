"""The behaviour that all processes of a run share, on publish, which needs nothing but the ledger."""

import os
import select
import signal
import socket
from pathlib import Path

import pytest

from posestream.stream.ipc.messages import Failed, Heartbeat, Ready, Stop
from tests.ipc.conftest import Start
from tests.ipc.stage_run import StageRun

PATIENCE_S = 30.0


def test_it_sends_ready_and_heartbeats_and_exits_on_stop(shm: Path) -> None:
    with StageRun(shm) as run:
        child = run.start("publish")
        assert run.next(Ready).process == "publish"
        assert run.next(Heartbeat).process == "publish"
        assert run.next(Heartbeat).process == "publish"
        run.send("publish", Stop())
        assert child.wait(PATIENCE_S)
        assert child.popen is not None
        assert child.popen.returncode == 0


def test_ctrl_c_does_not_reach_it(shm: Path) -> None:
    with StageRun(shm) as run:
        child = run.started("publish")
        assert child.popen is not None
        child.popen.send_signal(signal.SIGINT)
        run.next(Heartbeat)
        run.next(Heartbeat)
        run.send("publish", Stop())
        assert child.wait(PATIENCE_S)
        assert child.popen.returncode == 0
        assert not any("Traceback" in line for line in run.log_tail())


def test_it_is_in_a_session_of_its_own(shm: Path) -> None:
    with StageRun(shm) as run:
        child = run.started("publish")
        assert child.popen is not None
        assert os.getsid(child.popen.pid) == child.popen.pid


def test_a_user_error_is_sent_as_one_line_before_it_exits(shm: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        endpoint = "tcp://{}:{}".format(*taken.getsockname())
        with StageRun(shm, publish__endpoint=endpoint) as run:
            child = run.start("publish")
            failed = run.next(Failed)
            assert failed == Failed(
                process="publish",
                reason=f"cannot publish on {endpoint}: Address already in use; "
                "name another with --publish tcp://HOST:PORT",
                exit_code=3,
            )
            assert child.wait(PATIENCE_S)
            assert child.popen is not None
            assert child.popen.returncode == 3
            child.collect()
            assert not any("Traceback" in line for line in run.log_tail())


def test_a_bug_leaves_a_traceback_in_its_log_tail(shm: Path) -> None:
    with StageRun(shm) as run:
        child = run.start("nonsense")
        assert child.wait(PATIENCE_S)
        child.collect()
        assert any("Traceback" in line for line in run.log_tail())
        assert "nonsense" in run.log_tail()[-1]


def test_modules_in_the_users_folder_are_not_imported(
    shm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stream.py", "engines.py", "zmq.py"):
        (tmp_path / name).write_text("raise RuntimeError('a program of the user')")
    monkeypatch.chdir(tmp_path)
    with StageRun(shm) as run:
        run.start("publish")
        assert run.next(Ready).process == "publish"


def test_a_malformed_message_is_dropped(shm: Path) -> None:
    with StageRun(shm) as run:
        child = run.started("publish")
        run.send("publish", Heartbeat(process="x"))
        run._outboxes._sockets["publish"].send(b"\xff\xfe")
        run.send("publish", Stop())
        assert child.wait(PATIENCE_S)
        child.collect()
        assert any("dropped a malformed message of 2 bytes" in line for line in run.log_tail())


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for a stranger's death, which Linux alone can")
def test_it_ends_when_its_parent_is_killed(shm: Path, start: Start) -> None:
    parent = start("tests.ipc.parent", shm)
    assert parent.stdout is not None
    grandchild = os.pidfd_open(int(parent.stdout.readline()))
    try:
        assert select.select([grandchild], [], [], 0)[0] == []
        parent.kill()
        assert select.select([grandchild], [], [], PATIENCE_S)[0] == [grandchild]
    finally:
        os.close(grandchild)
