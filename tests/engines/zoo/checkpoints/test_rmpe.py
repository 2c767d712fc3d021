"""AlphaPose's checkpoints of FastPose."""

import re

import pytest
import torch

from posestream.engines.architectures import create
from posestream.engines.exceptions import WrongWeightsError
from posestream.engines.zoo.checkpoints import LAYOUTS
from posestream.engines.zoo.checkpoints.loading import load
from tests.engines.architectures.parity.drawn import drawn

OFFICIAL = ((r"^trunk\.", "preact."), (r"^head\.", "conv_out."))


def official(variant: str) -> dict[str, torch.Tensor]:
    """As AlphaPose names them: preact.layer1.0.se.fc.0.weight, duc1.conv.weight, conv_out.weight and so on."""
    state = {}
    with torch.device("meta"):
        network = create("rmpe", variant)
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        for pattern, replacement in OFFICIAL:
            name = re.sub(pattern, replacement, name)  # noqa: PLW2901
        state[name] = torch.from_numpy(drawn(name, tuple(tensor.shape)))
    return state


def test_a_checkpoint_of_alphapose_loads() -> None:
    state = official("fastpose-r50")
    assert {"preact.conv1.weight", "preact.layer1.0.se.fc.0.weight", "duc1.bn.bias", "conv_out.weight"} <= set(state)
    network = create("rmpe", "fastpose-r50")
    load(network, state, LAYOUTS["rmpe"], "rmpe-fastpose-r50")
    assert torch.equal(network.get_parameter("head.bias"), state["conv_out.bias"])
    assert torch.equal(network.get_parameter("trunk.layer4.0.se.fc.2.weight"), state["preact.layer4.0.se.fc.2.weight"])


def test_a_checkpoint_of_the_deeper_network_is_refused() -> None:
    with pytest.raises(WrongWeightsError, match=r"left over \(preact|left over \(trunk"):
        load(create("rmpe", "fastpose-r50"), official("fastpose-r152"), LAYOUTS["rmpe"], "rmpe-fastpose-r50")
