"""Our network, with the reference's weights through the converter, against the recorded outputs of the reference."""

import torch

from posestream.engines.architectures.pose_network import Network
from posestream.engines.zoo.checkpoints import LAYOUTS
from posestream.engines.zoo.checkpoints.loading import load
from tests.engines.architectures.parity.drawn import drawn, images
from tests.engines.architectures.parity.fixture import Fixture


def official_state(fixture: Fixture) -> dict[str, torch.Tensor]:
    """A state dict with the official names and shapes, of drawn weights."""
    return {name: torch.from_numpy(drawn(name, shape)) for name, shape in fixture.shapes.items()}


def greatest_error(network: Network, architecture: str, fixture: Fixture) -> float:
    """Over all outputs, relative to the largest magnitude of each. Fills `network` with the drawn weights."""
    load(network, official_state(fixture), LAYOUTS[architecture], architecture)
    with torch.no_grad():
        outputs = network.eval()(torch.from_numpy(images(fixture.images_shape)))
    assert len(outputs) == len(fixture.outputs)
    return max(output.error_of(ours.numpy(force=True)) for output, ours in zip(fixture.outputs, outputs, strict=True))
