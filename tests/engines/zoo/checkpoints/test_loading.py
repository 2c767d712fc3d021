"""Checkpoints go into a network whole, or not at all."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from posestream.engines.architectures.pose_network import Network
from posestream.engines.exceptions import WrongWeightsError
from posestream.engines.zoo.checkpoints.layout import CheckpointLayout
from posestream.engines.zoo.checkpoints.loading import load


class Tiny(Network):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Conv2d(4, 2, 1)

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        return (self.head(self.norm(self.stem(images))),)


LAYOUT = CheckpointLayout(
    publisher="its authors",
    rules=((r"conv1\.(\w+)", r"stem.\1"), (r"bn1\.(\w+)", r"norm.\1"), (r"final\.(\w+)", r"head.\1")),
    dropped=(r"unused\..*",),
)
OFFICIAL = {"stem": "conv1", "norm": "bn1", "head": "final"}


def official(network: Network) -> dict[str, Tensor]:
    """The network's tensors, each of another value than it has, under the names of its authors."""
    state = {}
    for name, tensor in network.state_dict().items():
        layer, _, what = name.partition(".")
        state[f"{OFFICIAL[layer]}.{what}"] = torch.full_like(tensor, 3)
    return state


def values(network: Network) -> set[float]:
    return {float(v) for parameter in network.parameters() for v in parameter.detach().flatten()}


def test_an_official_checkpoint_fills_every_parameter_and_statistic() -> None:
    network = Tiny()
    load(network, official(network), [LAYOUT], "tiny")
    assert values(network) == {3.0}
    assert network.norm.running_var is not None and set(network.norm.running_var.tolist()) == {3.0}


def test_our_own_names_load_as_they_are() -> None:
    network, other = Tiny(), Tiny()
    load(network, other.state_dict(), [LAYOUT], "tiny")
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True))


def test_tensors_that_the_original_never_uses_are_dropped_by_name() -> None:
    network = Tiny()
    load(network, official(network) | {"unused.weight": torch.zeros(9)}, [LAYOUT], "tiny")
    assert values(network) == {3.0}


def test_a_counter_of_batches_may_be_there_or_not() -> None:
    network = Tiny()
    without = {name: t for name, t in official(network).items() if not name.endswith("num_batches_tracked")}
    load(network, without, [LAYOUT], "tiny")
    assert values(network) == {3.0}


def test_what_is_missing_left_over_or_of_another_shape_is_named_and_nothing_is_filled() -> None:
    network = Tiny()
    state = official(network) | {"extra.weight": torch.zeros(1), "final.bias": torch.zeros(17)}
    del state["conv1.weight"]
    before = values(network)
    with pytest.raises(WrongWeightsError) as caught:
        load(network, state, [LAYOUT], "tiny")
    assert str(caught.value) == (
        "tiny: this checkpoint, read as one of its authors, does not fit: 1 missing (stem.weight); "
        "1 left over (extra.weight); 1 of another shape (head.bias is (17,) instead of (2,))"
    )
    assert values(network) == before


def test_a_layout_may_turn_axes_and_colours() -> None:
    """TensorFlow keeps (height, width, in, out)."""

    def turned(_name: str, tensor: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(tensor.transpose(3, 2, 0, 1)) if tensor.ndim == 4 else tensor

    layout = CheckpointLayout("another framework", LAYOUT.rules, changed=turned)
    network = Tiny()
    state = official(network)
    state["conv1.weight"] = torch.arange(4 * 27, dtype=torch.float32).reshape(3, 3, 3, 4)
    state["final.weight"] = torch.zeros(1, 1, 4, 2)
    load(network, state, [layout], "tiny")
    assert torch.equal(network.stem.weight[1, 2], state["conv1.weight"][:, :, 2, 1])
