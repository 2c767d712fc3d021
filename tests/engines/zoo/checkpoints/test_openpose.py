"""Checkpoints of lightweight OpenPose as its author names them."""

import pytest
import torch
from torch import Tensor

from posestream.engines.architectures import create
from posestream.engines.architectures.pose_network import Network
from posestream.engines.exceptions import WrongWeightsError
from posestream.engines.zoo.checkpoints import LAYOUTS
from posestream.engines.zoo.checkpoints.loading import load
from tests.engines.architectures.parity.equality import official_state
from tests.engines.architectures.parity.fixture import read


@pytest.fixture
def official() -> dict[str, Tensor]:
    return official_state(read("openpose"))


def with_stages(state: dict[str, Tensor], stages: int) -> dict[str, Tensor]:
    """As published: trained with `stages` refinement stages, each of other values."""
    first = "refinement_stages.0."
    of_first = {name.removeprefix(first): tensor for name, tensor in state.items() if name.startswith(first)}
    more = {f"refinement_stages.{i}.{name}": tensor + i for i in range(1, stages) for name, tensor in of_first.items()}
    return state | more


def loaded(state: dict[str, Tensor], **options: int) -> Network:
    network = create("openpose", None, **options)
    load(network, state, LAYOUTS["openpose"], "openpose")
    return network


def test_the_published_three_stages_fill_the_published_network_with_the_first(official: dict[str, Tensor]) -> None:
    network, plain = loaded(with_stages(official, 3)), loaded(official)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), plain.parameters(), strict=True))


@pytest.mark.parametrize("stages", [2, 3])
def test_a_network_with_more_stages_takes_those_too(official: dict[str, Tensor], stages: int) -> None:
    network = loaded(with_stages(official, 3), refinements=stages)
    last = network.get_parameter(f"refinements.{stages - 1}.fields.1.0.bias")
    assert torch.equal(last, official["refinement_stages.0.pafs.1.0.bias"] + (stages - 1))


def test_a_network_with_more_stages_than_the_checkpoint_is_refused(official: dict[str, Tensor]) -> None:
    with pytest.raises(WrongWeightsError, match=r"missing \(refinements\.1\.trunk\.0\.initial\.0\.weight"):
        loaded(official, refinements=2)


def test_a_checkpoint_of_other_joints_is_refused(official: dict[str, Tensor]) -> None:
    with pytest.raises(
        WrongWeightsError, match=r"initial\.heatmaps\.1\.0\.weight is \(19, 512, 1, 1\) instead of \(15, "
    ):
        loaded(official, joints=14)


def test_what_is_missing_or_left_over_is_named(official: dict[str, Tensor]) -> None:
    del official["cpm.align.0.bias"]
    official["model.12.0.weight"] = torch.zeros(1)
    with pytest.raises(WrongWeightsError) as caught:
        loaded(official)
    assert str(caught.value) == (
        "openpose: this checkpoint, read as one of lightweight OpenPose, does not fit: "
        "1 missing (neck.align.0.bias); 1 left over (trunk.12.0.weight)"
    )
