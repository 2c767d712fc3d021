"""The demo's photographs, two people who can be posed, and the default networks."""

import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.exceptions import WeightsError
from posestream.engines.zoo.make.from_package import onnx_path
from posestream.stream import config
from posestream.stream.run.planning import plan_for
from tests.ipc.footage import people


@pytest.fixture(scope="session")
def two_people() -> NDArray[np.uint8]:
    """The demo's scene, (480, 640, 3) BGR: two people."""
    try:
        for network in plan_for(config.defaults()).networks:
            onnx_path(network)
        return next(people(1))
    except WeightsError as error:
        pytest.skip(f"weights cannot be had here: {error}")
