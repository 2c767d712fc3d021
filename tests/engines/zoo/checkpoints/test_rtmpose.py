"""Checkpoints of RTMPose as MMPose names them."""

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
    return official_state(read("rtmpose-t"))


def loaded(state: dict[str, Tensor], variant: str = "t", joints: int = 17) -> Network:
    network = create("rtmpose", variant, joints=joints)
    load(network, state, LAYOUTS["rtmpose"], f"rtmpose-{variant}")
    return network


def test_what_some_versions_keep_of_the_pixels_is_dropped(official: dict[str, Tensor]) -> None:
    network = loaded(official | {"data_preprocessor.mean": torch.zeros(3, 1, 1)})
    assert torch.equal(network.get_parameter("head.gau.res_scale"), official["head.gau.res_scale.scale"])


def test_a_checkpoint_of_another_size_is_refused(official: dict[str, Tensor]) -> None:
    with pytest.raises(
        WrongWeightsError, match=r"rtmpose-s: this checkpoint, read as one of MMPose, .* missing .*shape"
    ):
        loaded(official, "s")


def test_a_checkpoint_of_other_joints_is_refused(official: dict[str, Tensor]) -> None:
    with pytest.raises(WrongWeightsError, match=r"\(head\.final_layer\.weight is \(17, 384, 7, 7\) instead of \(26, "):
        loaded(official, joints=26)


def test_what_is_missing_or_left_over_is_named(official: dict[str, Tensor]) -> None:
    del official["backbone.stage4.1.conv2.bn.running_var"]
    official["neck.reduce_layers.0.conv.weight"] = torch.zeros(1)
    with pytest.raises(WrongWeightsError) as caught:
        loaded(official)
    assert str(caught.value) == (
        "rtmpose-t: this checkpoint, read as one of MMPose, does not fit: "
        "1 missing (trunk.stages.3.1.conv2.bn.running_var); 1 left over (neck.reduce_layers.0.conv.weight)"
    )
