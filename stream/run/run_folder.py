"""The folder of a run: its rings, its ledger and its sockets, in shared memory, locked as long as the run lives.

A run that was killed leaves its folder behind, but not the lock on it: the next run takes that as leave to remove it.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from posestream.stream.ipc import shared_memory


@contextlib.contextmanager
def open_run_dir() -> Iterator[Path]:
    """Makes and locks the folder of a new run, and removes it at the end."""
    folder, descriptor = _make_locked()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _make_locked() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_prefix(), dir=shared_memory.place()))
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder, descriptor
        os.close(descriptor)  # another run took it for dead in the moment before it was locked


def reclaim() -> list[Path]:
    """Removes the folders of this user's dead runs, and returns them. Runs that live are not disturbed."""
    return [folder for folder in _folders() if _take_if_dead(folder, remove=True)]


def dead() -> list[Path]:
    """The folders of this user's dead runs, which `reclaim` would remove."""
    return [folder for folder in _folders() if _take_if_dead(folder, remove=False)]


def _folders() -> list[Path]:
    return sorted(shared_memory.place().glob(f"{_prefix()}*"))


def _prefix() -> str:
    return f"posestream-{os.getuid()}-"


def _take_if_dead(folder: Path, *, remove: bool) -> bool:
    """Whether nobody holds the folder's lock. It is held while it is removed, so that no run can move in."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        return False  # just being made, or just gone
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        if remove:
            shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(descriptor)
