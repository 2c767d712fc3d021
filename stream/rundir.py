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


def shared_memory() -> Path:
    """Where shared memory lives: /dev/shm, or the temporary folder on systems without it."""
    shm = Path("/dev/shm")
    return shm if shm.is_dir() else Path(tempfile.gettempdir())


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
        folder = Path(tempfile.mkdtemp(prefix=_prefix(), dir=shared_memory()))
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder, descriptor
        os.close(descriptor)  # another run took it for dead in the moment before it was locked


def reclaim() -> list[Path]:
    """Removes the folders of this user's dead runs, and returns them. Runs that live are not disturbed."""
    reclaimed = []
    for folder in shared_memory().glob(f"{_prefix()}*"):
        if _is_dead(folder):
            shutil.rmtree(folder, ignore_errors=True)
            reclaimed.append(folder)
    return reclaimed


def _prefix() -> str:
    return f"posestream-{os.getuid()}-"


def _is_dead(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        return False  # just being made, or just gone
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)
