"""Files in shared memory, with all their pages reserved."""

import errno
import os
import tempfile
from pathlib import Path

from posestream.stream.errors import RunError

RECOMMENDED_MB = 256  # of shared memory: enough for two cameras of 1080p


def place() -> Path:
    """The folder for shared memory: /dev/shm, or the temporary folder on systems without it."""
    shm = Path("/dev/shm")
    return shm if shm.is_dir() else Path(tempfile.gettempdir())


def allocate(path: Path, size: int) -> int:
    """Creates a file of `size` zero bytes with all its pages reserved; returns its descriptor, open for writing.

    Reserving makes a full /dev/shm an error here instead of a SIGBUS later. Raises RunError where there is not enough
    room, with the size to provide, and FileExistsError where the file exists.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:  # macOS has no posix_fallocate
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
    enough_mb = max(RECOMMENDED_MB, 2 ** (in_use_mb + needed_mb).bit_length())
    return RunError(
        f"no room for {needed_mb} MB of shared memory in {mount}, where {free_mb} MB are free: free some, "
        f"or enlarge it (Docker: --shm-size={enough_mb}m; else: mount -o remount,size={enough_mb}m {mount})"
    )
