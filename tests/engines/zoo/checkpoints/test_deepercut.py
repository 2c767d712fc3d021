"""Caffe's and TensorFlow's tensors, under the names of the originals, fill our networks."""

import re

import pytest
import torch
from torch import Tensor

from posestream.engines.architectures import create
from posestream.engines.architectures.pose_network import Network
from posestream.engines.exceptions import WrongWeightsError
from posestream.engines.zoo.checkpoints import LAYOUTS
from posestream.engines.zoo.checkpoints.loading import load
from tests.engines.architectures.parity.drawn import drawn

SMALL = {"width": 4, "joints": 3}
CAFFE_BLOCKS = {1: "abc", 4: "abc"}  # stages with few blocks are lettered, the others are a, b1, b2, ...
NORMS = {"running_mean": ("bn", 0), "running_var": ("bn", 1), "weight": ("scale", 0), "bias": ("scale", 1)}
CAFFE_BRANCHES = {"conv1": "2a", "bn1": "2a", "conv2": "2b", "bn2": "2b", "conv3": "2c", "bn3": "2c"}
CAFFE_HEADS = {"scores": "pose", "locref": "locref", "pairwise": "next"}


def in_caffe(name: str) -> str:
    """Our name of a tensor -> that of the prototxt."""
    if match := re.fullmatch(r"(\w+)\.(up|skip)\.(weight|bias)", name):
        head, way, what = match.groups()
        return f"{'res5c_up' if way == 'up' else 'res3d'}_{CAFFE_HEADS[head]}/{int(what == 'bias')}"
    if name == "trunk.conv1.weight":
        return "conv1/0"
    if match := re.fullmatch(r"trunk\.bn1\.(\w+)", name):
        kind, blob = NORMS[match[1]]
        return f"{kind}_conv1/{blob}"
    match = re.fullmatch(r"trunk\.layer(\d)\.(\d+)\.(downsample\.[01]|conv\d|bn\d)\.(\w+)", name)
    assert match, name
    stage, block, layer, what = int(match[1]), int(match[2]), match[3], match[4]
    letter = CAFFE_BLOCKS[stage][block] if stage in CAFFE_BLOCKS else "a" if block == 0 else f"b{block}"
    branch = "1" if layer.startswith("downsample") else CAFFE_BRANCHES[layer]
    kind, blob = ("res", 0) if layer.startswith("conv") or layer == "downsample.0" else NORMS[what]
    return f"{kind}{stage + 1}{letter}_branch{branch}/{blob}"


SLIM_NORMS = {"running_mean": "moving_mean", "running_var": "moving_variance", "weight": "gamma", "bias": "beta"}


def in_tensorflow(name: str) -> str:
    """Our name of a tensor -> that of the variable."""
    if match := re.fullmatch(r"(scores|locref|pairwise)\.up\.(weight|bias)", name):
        head = {"scores": "part_pred", "locref": "locref_pred", "pairwise": "pairwise_pred"}[match[1]]
        return f"pose/{head}/block4/{'weights' if match[2] == 'weight' else 'biases'}"
    if match := re.fullmatch(r"trunk\.(conv|bn)1\.(\w+)", name):
        return "resnet_v1_101/conv1/" + ("weights" if match[1] == "conv" else f"BatchNorm/{SLIM_NORMS[match[2]]}")
    match = re.fullmatch(r"trunk\.layer(\d)\.(\d+)\.(downsample\.[01]|conv\d|bn\d)\.(\w+)", name)
    assert match, name
    layer = "shortcut" if match[3].startswith("downsample") else f"conv{match[3][-1]}"
    what = (
        "weights" if match[3].startswith("conv") or match[3] == "downsample.0" else f"BatchNorm/{SLIM_NORMS[match[4]]}"
    )
    return f"resnet_v1_101/block{match[1]}/unit_{int(match[2]) + 1}/bottleneck_v1/{layer}/{what}"


def wanted(network: Network) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}


def caffe_state(network: Network) -> dict[str, Tensor]:
    return {
        in_caffe(name): torch.from_numpy(drawn(name, tuple(tensor.shape))) for name, tensor in wanted(network).items()
    }


def tensorflow_state(network: Network) -> dict[str, Tensor]:
    """Kernels as TensorFlow keeps them, and the first one in RGB."""
    state = {}
    for name, tensor in wanted(network).items():
        values = torch.from_numpy(drawn(name, tuple(tensor.shape)))
        if name == "trunk.conv1.weight":
            values = values.flip(1)
        state[in_tensorflow(name)] = values.permute(2, 3, 1, 0).contiguous() if values.ndim == 4 else values
    return state


def assert_filled(network: Network) -> None:
    for name, tensor in wanted(network).items():
        assert torch.equal(tensor, torch.from_numpy(drawn(name, tuple(tensor.shape)))), name


@pytest.mark.parametrize("variant", ["r101", "r152"])
def test_a_caffe_model_fills_every_tensor(variant: str) -> None:
    network = create("deepercut", variant, **SMALL)
    load(network, caffe_state(network), LAYOUTS["deepercut"], "deepercut")
    assert_filled(network)


def test_the_names_are_those_of_the_prototxt() -> None:
    names = {in_caffe(name) for name in wanted(create("deepercut", "r152", **SMALL))}
    some = ["conv1/0", "bn_conv1/1", "scale2a_branch1/1", "res3b7_branch2c/0", "res4b35_branch2b/0", "bn5c_branch2a/0"]
    assert names >= {*some, "res5c_up_pose/1", "res3d_locref/0", "res5c_up_next/0", "res3d_next/1"}


def test_a_tensorflow_checkpoint_fills_its_form_with_axes_and_colours_turned() -> None:
    network = create("deepercut", "r101", tensorflow=True, **SMALL)
    state = tensorflow_state(network)
    state |= {"global_step": torch.zeros(1), "pose/intermediate_supervision/block4/biases": torch.zeros(3)}
    load(network, state, LAYOUTS["deepercut"], "deepercut")
    assert_filled(network)


@pytest.mark.parametrize("tensorflow", [False, True])
def test_one_person_needs_no_pairwise_heads(tensorflow: bool) -> None:
    options = {"tensorflow": True} if tensorflow else {}
    full, network = (create("deepercut", "r101", **options, **more, **SMALL) for more in ({}, {"single": True}))
    load(network, (tensorflow_state if tensorflow else caffe_state)(full), LAYOUTS["deepercut"], "deepercut")
    assert_filled(network)


def test_several_people_need_pairwise_heads() -> None:
    network = create("deepercut", "r101", **SMALL)
    state = {name: tensor for name, tensor in caffe_state(network).items() if "next" not in name}
    with pytest.raises(WrongWeightsError, match=r"4 missing \(pairwise\.up\.weight"):
        load(network, state, LAYOUTS["deepercut"], "deepercut")


def test_the_divisor_of_caffes_statistics_is_left_over_so_that_it_is_not_forgotten() -> None:
    network = create("deepercut", "r101", **SMALL)
    state = caffe_state(network) | {"bn_conv1/2": torch.ones(1)}
    with pytest.raises(WrongWeightsError, match=r"1 left over \(bn_conv1/2\)"):
        load(network, state, LAYOUTS["deepercut"], "deepercut")


def test_a_checkpoint_of_another_depth_is_named() -> None:
    network, deeper = (create("deepercut", variant, **SMALL) for variant in ("r101", "r152"))
    with pytest.raises(WrongWeightsError, match=r"read as one of MPI Informatik \(Caffe\), does not fit: .*left over"):
        load(network, caffe_state(deeper), LAYOUTS["deepercut"], "deepercut")
    with pytest.raises(WrongWeightsError, match=r"missing \(trunk\.layer2\.4\."):
        load(deeper, caffe_state(network), LAYOUTS["deepercut"], "deepercut")


def test_a_checkpoint_of_other_joints_is_named() -> None:
    network, other = (create("deepercut", "r101", **SMALL | {"joints": joints}) for joints in (3, 5))
    with pytest.raises(
        WrongWeightsError, match=r"of another shape \(scores\.up\.weight is \(128, 5, 3, 3\) instead of"
    ):
        load(network, caffe_state(other), LAYOUTS["deepercut"], "deepercut")
