"""Caffe's networks by the names of their prototxts, as an .npz would hold them."""

import numpy as np
import pytest
import torch
from torch import nn

from posestream.engines.architectures import create
from posestream.engines.exceptions import WrongWeightsError
from posestream.engines.zoo.checkpoints import LAYOUTS
from posestream.engines.zoo.checkpoints.loading import load
from tests.engines.architectures.parity.drawn import drawn


def caffe(convolutions: dict[str, tuple[int, int, int]]) -> dict[str, torch.Tensor]:
    """Blobs 0 and 1 of layers with channels in, channels out and side."""
    blobs = {}
    for layer, (before, after, side) in convolutions.items():
        blobs[f"{layer}/0"] = drawn(f"{layer}/0", (after, before, side, side))
        blobs[f"{layer}/1"] = drawn(f"{layer}/1", (after,))
    return {name: torch.from_numpy(np.asarray(blob)) for name, blob in blobs.items()}


def released(stages: int, maps: int) -> dict[str, tuple[int, int, int]]:
    layers = {"conv1": (3, 128, 9), "conv2": (128, 128, 9), "conv3": (128, 128, 9), "conv4": (128, 32, 5)}
    network = {f"{layer}_stage{stage}": shape for stage in (1, 2) for layer, shape in layers.items()}
    network |= {"conv5_stage1": (32, 512, 9), "conv6_stage1": (512, 512, 1), "conv7_stage1": (512, maps, 1)}
    network |= {f"conv1_stage{stage}": (128, 32, 5) for stage in range(3, stages + 1)}
    for stage in range(2, stages + 1):
        network |= {f"Mconv{i}_stage{stage}": (33 + maps if i == 1 else 128, 128, 11) for i in (1, 2, 3)}
        network |= {f"Mconv4_stage{stage}": (128, 128, 1), f"Mconv5_stage{stage}": (128, maps, 1)}
    return network


def vgg(stages: int, maps: int) -> dict[str, tuple[int, int, int]]:
    network = {}
    before = 3
    for block, (count, wide) in enumerate(((2, 64), (2, 128), (4, 256), (2, 512)), 1):
        for i in range(1, count + 1):
            network[f"conv{block}_{i}"] = (before, wide, 3)
            before = wide
    for i, wide in ((3, 256), (4, 256), (5, 256), (6, 256), (7, 128)):
        network[f"conv4_{i}_CPM"] = (before, wide, 3)
        before = wide
    network |= {"conv5_1_CPM": (128, 512, 1), "conv5_2_CPM": (512, maps, 1)}
    for stage in range(2, stages + 1):
        network |= {f"Mconv{i}_stage{stage}": (129 + maps if i == 1 else 128, 128, 7) for i in range(1, 6)}
        network |= {f"Mconv6_stage{stage}": (128, 128, 1), f"Mconv7_stage{stage}": (128, maps, 1)}
    return network


@pytest.mark.parametrize(
    ("variant", "layers"), [("lsp", released(6, 15)), ("flic", released(4, 10)), ("vgg", vgg(6, 15))]
)
def test_a_released_network_loads(variant: str, layers: dict[str, tuple[int, int, int]]) -> None:
    network, state = create("cpm", variant), caffe(layers)
    load(network, state, LAYOUTS["cpm"], f"cpm-{variant}")
    assert sum(tensor.numel() for tensor in state.values()) == sum(p.numel() for p in network.parameters())
    last = [module for module in network.modules() if isinstance(module, nn.Conv2d)][-1]
    name = f"Mconv{7 if variant == 'vgg' else 5}_stage{4 if variant == 'flic' else 6}/0"
    assert torch.equal(last.weight, state[name])


def test_the_network_of_another_dataset_is_refused() -> None:
    with pytest.raises(WrongWeightsError, match=r"cpm-lsp: .* missing \(.*of another shape"):
        load(create("cpm", "lsp"), caffe(released(4, 10)), LAYOUTS["cpm"], "cpm-lsp")
