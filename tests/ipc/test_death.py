"""A run whose process dies, hangs, or dies too often; and the end of a killed supervisor."""

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from posestream.stream.ipc.ledger import Ledger
from posestream.stream.ipc.ring import Ring
from posestream.stream.run import run_folder
from posestream.stream.run.capacity import FRAMES_EVERY
from tests.ipc.conftest import StartRun
from tests.ipc.footage import people, write_video
from tests.ipc.product import PATIENCE_S, Product, Watching, wait_until

FRAMES_OF_A_SECOND = 30
STAGES = ("capture.cam0", "preprocess.0", "infer", "postprocess.0", "publish")


@pytest.fixture(scope="module")
def live(weights: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One run of the demo that lives through all the deaths."""
    folder = tmp_path_factory.mktemp("live")
    arguments = ("demo", "--publish", "tcp://127.0.0.1:*", "--page", "127.0.0.1:0")
    with Product(*arguments, folder=folder) as run:
        yield run


def kill_with_a_frame_in_it(run: Product, name: str) -> int:
    """Kills a process while it holds a frame. Returns how many were captured by then."""
    victim, ledger = run.process(name), run.ledger()
    ring = Ring(max(run.folder.glob("frames.cam0.*"), key=lambda path: path.stat().st_ctime_ns), writable=False)
    while not stopped_with_a_frame_in_it(victim, ring, ledger):
        resume(victim, ledger)
    victim.kill()
    captured = ledger.account("cam0").captured
    wait_until(lambda: run.process(name).pid != victim.pid, f"{name} is started again")
    ring.close()
    ledger.close()
    return captured


def stopped_with_a_frame_in_it(victim: psutil.Process, ring: Ring, ledger: Ledger) -> bool:
    """Stops a process as a frame comes and waits until nothing moves. True where that frame is under way still."""

    def newest() -> int:
        return max(ring.seq(slot) for slot in range(ring.layout.slots))

    before = newest()
    wait_until(lambda: newest() > before, "a frame comes")
    victim.suspend()
    last = ledger.account("cam0")

    def halted() -> bool:
        nonlocal last
        now = ledger.account("cam0")
        last = now if now.published > last.published else last
        return now.captured >= last.captured + FRAMES_OF_A_SECOND

    wait_until(halted, "nothing is published for a second")
    return newest() in ledger.unsettled("cam0")


def resume(stopped: psutil.Process, ledger: Ledger) -> None:
    """Lets a process go on, and waits until it has."""
    before = ledger.account("cam0").published
    stopped.resume()
    wait_until(lambda: ledger.account("cam0").published > before, "it goes on")


def seqs_in(file: Path) -> list[int]:
    """The numbers of the frames whose lines are in a file."""
    return [json.loads(line)["seq"] for line in file.read_text().splitlines()] if file.exists() else []


def wait_for_lines(file: Path, count: int) -> None:
    """Waits until so many frames were written."""
    wait_until(lambda: file.exists() and file.read_bytes().count(b"\n") >= count, f"{count} lines")


@pytest.mark.parametrize("name", STAGES[1:])
def test_a_run_survives_a_killed_stage_and_counts_its_frames(live: Product, name: str) -> None:
    with Watching(live.endpoint) as watching:
        lost = watching.pose(people=True).drops.get("stage_lost", 0)
        captured = kill_with_a_frame_in_it(live, name)
        message = watching.pose(people=True, after=captured)
    assert message.drops["stage_lost"] > lost
    assert message.captured > captured


def test_a_restarted_capture_continues_its_count(live: Product) -> None:
    with Watching(live.endpoint) as watching:
        before = watching.pose()
        victim, ledger = live.process("capture.cam0"), live.ledger()
        victim.kill()
        victim.wait(PATIENCE_S)
        captured = ledger.account("cam0").captured  # of what it has handed on, some is published yet
        ledger.close()
        message = watching.pose(people=True, after=captured + FRAMES_OF_A_SECOND)
    assert message.epoch == before.epoch + 1
    assert message.captured > message.seq > before.seq


def test_a_subscriber_after_all_restarts_still_receives_the_cameras_state(live: Product) -> None:
    with Watching(live.endpoint) as watching:
        assert watching.state("cam0", "live") == ""


def test_a_killed_page_comes_back_and_costs_no_frame(live: Product) -> None:
    with Watching(live.endpoint) as watching:
        before = watching.pose()
        page = live.process("page")
        page.kill()
        wait_until(lambda: live.process("page").pid != page.pid, "the page is started again")
        message = watching.pose(after=before.seq + 30)
    assert message.drops.get("stage_lost") == before.drops.get("stage_lost")


def test_after_all_of_this_every_frame_is_accounted_for(live: Product) -> None:
    with Watching(live.endpoint) as watching:
        watching.pose(people=True)
        ledger = live.ledger()
        # Those that the newest one replaced are dropped when it is taken: on a slow machine there are more before.
        wait_until(lambda: 0 <= ledger.account("cam0").in_flight <= 8, "no more are under way than there is room for")
        ledger.close()
    ended = live.interrupt()
    captured, published, dropped = ended.balance()
    assert (ended.code, captured) == (0, published + dropped)


def test_a_file_is_read_to_its_end_whoever_dies_on_the_way(posestream: StartRun, tmp_path: Path) -> None:
    frames = 400
    clip = write_video(tmp_path / "clip.mp4", people(frames))
    file = tmp_path / "poses.jsonl"
    run = posestream(clip, "--output", file, settings="[supervisor]\nrestarts = 1000")
    for name in (*STAGES, "sink.0"):
        victim = run.process(name)
        wait_for_lines(file, len(seqs_in(file)) + 20)
        victim.kill()
    ended = run.finish()
    seqs = seqs_in(file)
    captured, published, dropped = ended.balance()
    assert (ended.code, captured, published + dropped) == (0, frames, frames)
    assert 0 < dropped < 60  # what was under way at each death
    assert seqs == sorted(set(seqs))
    assert seqs[-1] == frames - 1
    assert len(seqs) >= published - FRAMES_EVERY  # a sink that is killed loses what it was sent and had not written


def test_a_stage_that_hangs_is_killed_and_started_again(posestream: StartRun) -> None:
    run = posestream("demo", settings="[supervisor]\nbeat_timeout_s = 3\nrestarts = 1000")
    with Watching(run.endpoint) as watching:
        before = watching.pose()
        hung = run.process("postprocess.0")
        hung.suspend()
        run.line(r"postprocess\.0 sent no heartbeat for 3 s: killed")
        run.line(r"postprocess\.0 died \(exit code -9\): restarted")
        watching.pose(people=True, after=before.captured)
    assert not hung.is_running()


def test_a_stage_that_dies_too_often_stops_the_run_in_one_line(posestream: StartRun) -> None:
    run = posestream("demo", settings="[supervisor]\nrestarts = 0")
    with Watching(run.endpoint) as watching:
        watching.pose()
    run.process("infer").kill()
    ended = run.finish()
    assert ended.code == 3
    assert ended.error.startswith("infer failed too often (exit code -9); its last line: ")
    assert "Traceback" not in run.output


def test_a_killed_supervisor_takes_everybody_with_it_and_the_next_run_clears_up(posestream: StartRun) -> None:
    run = posestream("demo", "--page", "127.0.0.1:0")
    with Watching(run.endpoint) as watching:
        watching.pose()
    family, folder = run.processes(), run.folder
    assert len(family) == 7
    run.supervisor.kill()
    _, alive = psutil.wait_procs(family, PATIENCE_S)
    assert alive == []
    assert folder in run_folder.dead()

    following = posestream("demo", "--frames", "5")
    following.line(f"removed what a dead run left behind: {folder}")
    assert following.finish().code == 0
    assert not folder.exists()
