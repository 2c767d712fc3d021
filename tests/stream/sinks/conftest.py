from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.stream.consumer_run import ConsumerRun


@pytest.fixture
def picture() -> NDArray[np.uint8]:
    """(240, 320, 3): a dark grey room, lighter towards the right."""
    row = np.linspace(40, 90, 320, dtype=np.uint8)
    return np.broadcast_to(row[None, :, None], (240, 320, 3)).copy()


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    return path


@pytest.fixture
def one_sink(run_dir: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ConsumerRun]:
    """A run with one camera, in `every`, whose one output has the name that the test asks for."""
    with ConsumerRun(run_dir, sinks=[tmp_path / request.param]) as run:
        yield run
