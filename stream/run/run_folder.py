"""The folder of a run in shared memory: rings, ledger and sockets, locked while the run lives.

A killed run leaves its folder behind without the lock, and the next run removes it.
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
        os.close(descriptor)  # another run removed it as dead just before it was locked


def reclaim() -> list[Path]:
    """Removes the folders of this user's dead runs, and returns them."""
    return [folder for folder in _folders() if _take_if_dead(folder, remove=True)]


def dead() -> list[Path]:
    """The folders of this user's dead runs, which `reclaim` would remove."""
    return [folder for folder in _folders() if _take_if_dead(folder, remove=False)]


def _folders() -> list[Path]:
    return sorted(shared_memory.place().glob(f"{_prefix()}*"))


def _prefix() -> str:
    return f"posestream-{os.getuid()}-"


def _take_if_dead(folder: Path, *, remove: bool) -> bool:
    """True if no process holds the folder's lock. Removes it, if asked, while holding it: no run can start in it."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        return False  # being made, or just removed
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
