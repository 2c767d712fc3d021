"""Programs run beside a test, and folders in shared memory for what they share with it."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream.rundir import shared_memory

Start = Callable[..., "subprocess.Popen[str]"]
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def shm() -> Iterator[Path]:
    """An empty folder in shared memory."""
    with tempfile.TemporaryDirectory(prefix="posestream-test-", dir=shared_memory()) as folder:
        yield Path(folder)


@pytest.fixture
def start() -> Iterator[Start]:
    """Runs `python -m MODULE ARGUMENTS` beside the test, with pipes to it, and ends it with the test."""
    children: list[subprocess.Popen[str]] = []

    def start(module: str, *arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", module, *map(str, arguments)]
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=REPOSITORY
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()
