"""A run whose terminal suspends it, resumes it, or closes."""

import os
import signal

from tests.ipc.conftest import StartRun
from tests.ipc.product import Watching, wait_until

SILENT_S = 5  # may a process be in this test
FRAMES_OF_MORE = 230  # at 30 a second
FRAMES_OF_A_LOOK = 60  # by then the supervisor has looked after its children again and again


def test_when_the_terminal_closes_a_run_stops_in_order(posestream: StartRun) -> None:
    run = posestream("demo")
    with Watching(run.endpoint) as watching:
        watching.pose()
    os.killpg(run.popen.pid, signal.SIGHUP)
    ended = run.finish()
    captured, published, dropped = ended.balance()
    assert (ended.code, captured) == (0, published + dropped)


def test_under_nohup_a_run_outlives_its_terminal(posestream: StartRun) -> None:
    run = posestream("demo", before=["nohup"])
    with Watching(run.endpoint) as watching:
        before = watching.pose()
        os.killpg(run.popen.pid, signal.SIGHUP)
        watching.pose(after=before.captured + FRAMES_OF_A_LOOK)
    assert run.interrupt().code == 0


def test_a_supervisor_that_was_suspended_kills_no_process(posestream: StartRun) -> None:
    """As by Ctrl-Z and fg. The stages run on meanwhile, and their messages are read later."""
    run = posestream("demo", settings=f"[supervisor]\nbeat_timeout_s = {SILENT_S}")
    with Watching(run.endpoint) as watching:
        before = watching.pose()
        run.supervisor.suspend()
        stopped = watching.pose(after=before.captured + FRAMES_OF_MORE)
        run.supervisor.resume()
        wait_until(lambda: run.supervisor.status() != "stopped", "the supervisor goes on")
        after = watching.pose(after=stopped.captured + FRAMES_OF_A_LOOK)
    assert "no heartbeat" not in run.output
    assert "stage_lost" not in after.drops
    assert run.interrupt().code == 0
