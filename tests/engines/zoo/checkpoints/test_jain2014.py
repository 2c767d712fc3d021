"""No weights are published: only those trained here load, by our names."""

from typing import Any

import pytest
import torch

from posestream.engines.architectures import create, reduced
from posestream.engines.architectures.seeded import seeded
from posestream.engines.exceptions import WrongWeightsError
from posestream.engines.zoo.checkpoints import LAYOUTS
from posestream.engines.zoo.checkpoints.loading import load

SMALL: dict[str, Any] = {"width": 2, "hidden": 5}


def test_what_was_trained_here_loads() -> None:
    trained, network = seeded(1, "jain2014", joints=7, **SMALL), create("jain2014", joints=7, **SMALL)
    load(network, trained.state_dict(), LAYOUTS["jain2014"], "jain2014")
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in trained.state_dict().items())


@pytest.mark.parametrize("joints", [1, 5])
def test_a_network_of_fewer_parts_is_refused(joints: int) -> None:
    state = create("jain2014", joints=joints, **SMALL).state_dict()
    with pytest.raises(WrongWeightsError, match=r"jain2014: .*missing"):
        load(create("jain2014", joints=7, **SMALL), state, LAYOUTS["jain2014"], "jain2014")


def test_a_narrower_network_is_refused() -> None:
    with pytest.raises(WrongWeightsError, match=r"jain2014: .*another shape"):
        load(
            create("jain2014", joints=7, **SMALL),
            create("jain2014", **reduced("jain2014")).state_dict(),
            LAYOUTS["jain2014"],
            "jain2014",
        )
