"""Folders in shared memory, of any size, for tests of what lives there."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from posestream.stream.ipc import shared_memory


@pytest.fixture
def shm() -> Iterator[Path]:
    """An empty folder in shared memory."""
    with tempfile.TemporaryDirectory(prefix="posestream-test-", dir=shared_memory.place()) as folder:
        yield Path(folder)


@pytest.fixture
def tiny_shm(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB that lies in memory, as /dev/shm does."""
    if os.getuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small file system")
    mount = tmp_path / "shm"
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount here: {mounted.stderr.strip()}")
    try:
        yield mount
    finally:
        subprocess.run(["umount", mount], check=True)
