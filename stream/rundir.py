"""The folder of a run: its rings, its ledger and its sockets, in shared memory, locked as long as the run lives.

A run that was killed leaves its folder behind, but not the lock on it: the next run takes that as leave to remove it.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stream.errors import RunError

LEAST_MB = 256  # of shared memory that a user is told to provide: enough for two cameras of 1080p


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
    return [folder for folder in _folders() if _take_if_dead(folder, remove=True)]


def dead() -> list[Path]:
    """The folders of this user's dead runs, which `reclaim` would remove."""
    return [folder for folder in _folders() if _take_if_dead(folder, remove=False)]


def _folders() -> list[Path]:
    return sorted(shared_memory().glob(f"{_prefix()}*"))


def allocate(path: Path, size: int) -> int:
    """Makes a file of `size` zero bytes, all its pages reserved, and returns its descriptor, open for writing.

    So a full /dev/shm is an error here and not a SIGBUS later. Raises RunError, which says how much to provide.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:  # macOS: there the size must do
            os.ftruncate(descriptor, size)
    except OSError as error:
        os.close(descriptor)
        path.unlink()
        if error.errno != errno.ENOSPC:
            raise
        raise _no_room(path, size) from None
    return descriptor


def _no_room(path: Path, size: int) -> RunError:
    mount = next(folder for folder in path.resolve().parents if folder.is_mount())
    room = os.statvfs(mount)
    needed_mb, free_mb = -(-size // 2**20), room.f_bavail * room.f_frsize // 2**20
    in_use_mb = (room.f_blocks - room.f_bfree) * room.f_frsize // 2**20
    enough_mb = max(LEAST_MB, 2 ** (in_use_mb + needed_mb).bit_length())
    return RunError(
        f"no room for {needed_mb} MB of shared memory in {mount}, where {free_mb} MB are free: free some, "
        f"or enlarge it (Docker: --shm-size={enough_mb}m; else: mount -o remount,size={enough_mb}m {mount})"
    )


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
