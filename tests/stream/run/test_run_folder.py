"""The folder of a run."""

import fcntl
import os
import shutil
import stat
from pathlib import Path

import pytest

from posestream.stream.errors import RunError
from posestream.stream.ipc import shared_memory
from posestream.stream.run import run_folder


@pytest.fixture(autouse=True)
def place(shm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in shared memory where no other run of this machine reclaims."""
    monkeypatch.setattr(shared_memory, "place", lambda: shm)


def test_a_run_has_a_folder_of_its_own_in_shared_memory_until_it_ends() -> None:
    with run_folder.open_run_dir() as first, run_folder.open_run_dir() as second:
        assert first != second
        assert first.parent == second.parent == shared_memory.place()
        assert stat.S_IMODE(first.stat().st_mode) == 0o700
    assert not first.exists()
    assert not second.exists()


def test_the_folder_goes_also_when_the_run_fails() -> None:
    with pytest.raises(RunError), run_folder.open_run_dir() as folder:
        raise RunError("something went wrong")
    assert not folder.exists()


def test_folders_of_other_users_and_programs_are_not_looked_at() -> None:
    strangers = [shared_memory.place() / name for name in (f"posestream-{os.getuid()}5-x", "other-0-x")]
    try:
        for stranger in strangers:
            stranger.mkdir()
            (stranger / "lock").touch()
        assert not set(strangers) & set(run_folder.reclaim())
        assert all(stranger.is_dir() for stranger in strangers)
    finally:
        for stranger in strangers:
            (stranger / "lock").unlink()
            stranger.rmdir()


def test_a_folder_that_is_just_being_made_is_left_alone() -> None:
    young = shared_memory.place() / f"posestream-{os.getuid()}-young"
    young.mkdir()
    try:
        assert young not in run_folder.reclaim()
        assert young.is_dir()
    finally:
        young.rmdir()


def test_what_is_allocated_is_zero_and_for_this_user_alone(shm: Path) -> None:
    os.close(shared_memory.allocate(shm / "file", 5000))
    assert (shm / "file").read_bytes() == bytes(5000)
    assert stat.S_IMODE((shm / "file").stat().st_mode) == 0o600


def test_what_is_there_already_is_not_overwritten(shm: Path) -> None:
    (shm / "file").write_text("mine")
    with pytest.raises(FileExistsError):
        shared_memory.allocate(shm / "file", 5000)
    assert (shm / "file").read_text() == "mine"


def test_without_room_it_raises_and_takes_none(tiny_shm: Path) -> None:
    (tiny_shm / "others").write_bytes(bytes(600_000))
    with pytest.raises(
        RunError, match=f"no room for 1 MB of shared memory in {tiny_shm}, where 0 MB are free"
    ) as raised:
        shared_memory.allocate(tiny_shm / "file", 500_000)
    assert raised.value.exit_code == 3
    assert not (tiny_shm / "file").exists()
    os.close(shared_memory.allocate(tiny_shm / "file", 400_000))


def test_nobody_can_move_into_a_folder_while_it_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_folder.open_run_dir() as folder:
        pass
    folder.mkdir()  # as a killed run leaves it: the lock file without the lock
    (folder / "lock").touch()
    seen = []

    def rmtree(doomed: Path, ignore_errors: bool) -> None:
        if doomed == folder:
            with (doomed / "lock").open() as lock, pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            seen.append(doomed)
        remove(doomed, ignore_errors=ignore_errors)

    remove = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", rmtree)
    assert folder in run_folder.reclaim()
    assert seen == [folder]
    assert not folder.exists()
