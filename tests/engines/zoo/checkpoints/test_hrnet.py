"""Checkpoints of HRNet and HigherHRNet as their authors and mmpose name them."""

import pytest
import torch

from posestream.engines.architectures import create
from posestream.engines.exceptions import WrongWeightsError
from posestream.engines.zoo.checkpoints import LAYOUTS
from posestream.engines.zoo.checkpoints.loading import load
from tests.engines.architectures.parity.equality import official_state
from tests.engines.architectures.parity.fixture import read


def first_and_last(network: torch.nn.Module) -> list[float]:
    parameters = list(network.parameters())
    return [float(parameters[i].detach().flatten()[0]) for i in (0, -1)]


def test_mmpose_names_the_same_network_otherwise() -> None:
    official = official_state(read("hrnet-w32"))
    theirs = {
        ("head." if name.startswith("final_layer") else "backbone.") + name: tensor for name, tensor in official.items()
    }
    network, other = create("hrnet"), create("hrnet")
    load(network, theirs, LAYOUTS["hrnet"], "hrnet-w32")
    load(other, official, LAYOUTS["hrnet"], "hrnet-w32")
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True))


def test_a_checkpoint_with_the_head_of_another_dataset_is_refused() -> None:
    with pytest.raises(
        WrongWeightsError, match=r"2 of another shape \(head\.weight is \(16, 32, 1, 1\) instead of \(17,"
    ):
        load(create("hrnet"), official_state(read("hrnet-w32-mpii")), LAYOUTS["hrnet"], "hrnet-w32")


def test_a_checkpoint_of_another_width_is_refused() -> None:
    with pytest.raises(WrongWeightsError, match=r"of another shape \(trunk\.transition1"):
        load(create("hrnet", "w32"), official_state(read("hrnet-w48")), LAYOUTS["hrnet"], "hrnet-w32")


def test_a_checkpoint_of_hrnet_is_none_of_higherhrnet() -> None:
    with pytest.raises(WrongWeightsError, match=r"hrnet-w32: this checkpoint, .*: \d+ missing \(coarse_head\.weight"):
        load(create("higherhrnet"), official_state(read("hrnet-w32")), LAYOUTS["higherhrnet"], "higherhrnet-w32")


def test_an_unfinished_checkpoint_is_refused() -> None:
    state = official_state(read("hrnet-w32"))
    del state["stage3.2.branches.1.0.bn2.running_var"]
    with pytest.raises(WrongWeightsError, match=r"1 missing \(trunk\.stage3\.2\.branches\.1\.0\.bn2\.running_var\)"):
        load(create("hrnet"), state, LAYOUTS["hrnet"], "hrnet-w32")
