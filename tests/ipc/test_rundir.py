"""Folders of runs, some of which were killed."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from posestream.stream.ipc import shared_memory
from posestream.stream.run import run_folder
from tests.ipc.conftest import Start

PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def place(shm: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in shared memory where no other run of this machine reclaims."""
    monkeypatch.setattr(shared_memory, "place", lambda: shm)
    return shm


def a_run(start: Start) -> "tuple[subprocess.Popen[str], Path]":
    run = start("tests.ipc.runner", shared_memory.place())
    assert run.stdout is not None
    return run, Path(run.stdout.readline().rstrip())


def test_a_run_that_ends_leaves_nothing(start: Start) -> None:
    run, folder = a_run(start)
    assert folder.is_dir()
    run.communicate(timeout=PATIENCE_S)
    assert not folder.exists()


def test_what_a_killed_run_left_is_reclaimed_and_live_ones_are_not_disturbed(start: Start) -> None:
    (dead, left), (_, first), (_, second) = a_run(start), a_run(start), a_run(start)
    dead.kill()
    dead.wait()
    assert left.is_dir()
    reclaimed = run_folder.reclaim()
    assert left in reclaimed
    assert not left.exists()
    assert not {first, second} & set(reclaimed)
    assert [(folder / "frames.cam0.0").stat().st_size for folder in (first, second)] == [100, 100]


def test_of_two_runs_that_reclaim_a_folder_at_once_one_reports_it(start: Start) -> None:
    lefts = set()
    for _ in range(4):
        run, left = a_run(start)
        lefts.add(left)
        run.kill()
        run.wait()
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.submit(run_folder.reclaim), threads.submit(run_folder.reclaim)
        found = first.result(), second.result()
    assert lefts <= set(found[0]) | set(found[1])
    assert not any(left.exists() for left in lefts)


def test_runs_that_start_while_others_reclaim_keep_their_folders(start: Start) -> None:
    with ThreadPoolExecutor(1) as threads:
        stop = False

        def reclaim() -> None:
            while not stop:
                run_folder.reclaim()

        reclaiming = threads.submit(reclaim)
        try:
            for _ in range(300):
                with run_folder.open_run_dir() as folder:
                    (folder / "ledger").write_bytes(b"1")
                    assert (folder / "lock").exists()
                    assert (folder / "ledger").read_bytes() == b"1"
                assert not folder.exists()
        finally:
            stop = True
        reclaiming.result()
