"""Programs run beside a test, and folders in shared memory that they share with it."""

import contextlib
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from posestream.engines.exceptions import WeightsError
from posestream.engines.zoo.download.photographs import photographs
from posestream.engines.zoo.make.from_package import onnx_path
from posestream.stream import config
from posestream.stream.ipc import shared_memory
from posestream.stream.run.planning import plan_for
from tests.ipc.product import Product

Start = Callable[..., "subprocess.Popen[str]"]
StartRun = Callable[..., Product]
REPOSITORY = Path(__file__).parents[2]
QUIET = ("--page", "off", "--publish", "tcp://127.0.0.1:*")


@pytest.fixture
def shm() -> Iterator[Path]:
    """An empty folder in shared memory."""
    with tempfile.TemporaryDirectory(prefix="posestream-test-", dir=shared_memory.place()) as folder:
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


@pytest.fixture(scope="session")
def weights() -> None:
    """The default networks and the demo's photographs are in the cache."""
    try:
        for network in plan_for(config.load()).networks:
            onnx_path(network)
        photographs()
    except WeightsError as error:
        pytest.skip(f"weights cannot be had here: {error}")


@pytest.fixture
def posestream(weights: None, tmp_path: Path) -> Iterator[StartRun]:
    """Starts `posestream run ARGUMENTS` in the test's folder, on ports of its own, without a page unless asked for."""
    with contextlib.ExitStack() as runs:

        def start(*arguments: object, settings: str = "", **options: Any) -> Product:
            named = [*arguments, *_unless_given(arguments)]
            return runs.enter_context(Product(*named, folder=tmp_path, settings=settings, **options))

        yield start


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port without a listener, reserved for the test."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def _unless_given(arguments: tuple[object, ...]) -> list[str]:
    pairs = zip(QUIET[::2], QUIET[1::2], strict=True)
    return [word for flag, value in pairs if flag not in arguments for word in (flag, value)]
