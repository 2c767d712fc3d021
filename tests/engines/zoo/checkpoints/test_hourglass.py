"""Checkpoints of the networks of stacked hourglasses: one publisher's in PyTorch; the others' by our names, in .npz."""

from pathlib import Path

import numpy as np
import pytest
import torch

from posestream.engines.architectures import create, reduced
from posestream.engines.exceptions import WrongWeightsError
from posestream.engines.zoo.checkpoints import LAYOUTS
from posestream.engines.zoo.checkpoints.loading import load
from posestream.engines.zoo.checkpoints.reading import read as read_file
from tests.engines.architectures.parity.equality import official_state
from tests.engines.architectures.parity.fixture import read


def published() -> dict[str, torch.Tensor]:
    """Of two stacks, by the names of the network itself."""
    return {name.removeprefix("model."): tensor for name, tensor in official_state(read("hourglass-s2")).items()}


def test_a_checkpoint_as_its_trainer_saves_it_loads() -> None:
    """Its trainer wraps the network twice: names begin with model.module."""
    official = published()
    network, wrapped = create("hourglass", "s2"), create("hourglass", "s2")
    load(network, official, LAYOUTS["hourglass"], "hourglass-s2")
    load(wrapped, {f"model.module.{n}": t for n, t in official.items()}, LAYOUTS["hourglass"], "hourglass-s2")
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), wrapped.parameters(), strict=True))
    name = "hgs.1.0.low2.up1.conv2.conv.weight"
    assert torch.equal(network.get_parameter("hgs.1.low2.up1.conv2.weight"), official[name])


def test_the_convolutions_that_its_skips_have_and_never_use_are_dropped_and_no_others() -> None:
    official = published()
    (layout,) = LAYOUTS["hourglass"]
    dropped = {name for name in official if layout.drops(name)}
    used = {f"pre.{block}.skip_layer.conv.{what}" for block in (1, 4) for what in ("weight", "bias")}
    assert dropped == {name for name in official if ".skip_layer." in name} - used
    per_stack = 13 + 1  # residual blocks of an hourglass and the one after it, of 256 channels
    block, first = 256 * 256 + 256, 128 * 128 + 128
    assert sum(official[name].numel() for name in dropped) == 2 * per_stack * block + first
    assert 8 * per_stack * block + first == 7_385_216  # of the form with eight stacks


def test_a_checkpoint_of_more_stacks_is_refused() -> None:
    with pytest.raises(WrongWeightsError, match=r"hourglass-s1: this checkpoint, .*left over \(hgs\.1\."):
        load(create("hourglass", "s1"), published(), LAYOUTS["hourglass"], "hourglass-s1")


def test_a_checkpoint_of_fewer_stacks_is_refused() -> None:
    with torch.device("meta"):
        network = create("hourglass", "s8")
    with pytest.raises(WrongWeightsError, match=r"hourglass-s8: this checkpoint, .* missing \(hgs\.2\."):
        load(network, published(), LAYOUTS["hourglass"], "hourglass-s8")


def test_a_checkpoint_of_other_joints_is_refused() -> None:
    with pytest.raises(WrongWeightsError, match=r"\(outs\.0\.weight is \(16, 256, 1, 1\) instead of \(17, 256, 1, 1\)"):
        load(create("hourglass", "s2", joints=17), published(), LAYOUTS["hourglass"], "it")


def test_an_unfinished_checkpoint_is_refused() -> None:
    state = published()
    del state["features.0.1.bn.running_mean"]
    with pytest.raises(WrongWeightsError, match=r"1 missing \(features\.0\.1\.1\.running_mean\)"):
        load(create("hourglass", "s2"), state, LAYOUTS["hourglass"], "hourglass-s2")


@pytest.mark.parametrize("architecture", ["hourglass", "attention", "pyranet"])
def test_tensors_written_from_torch7_under_our_names_load(architecture: str, tmp_path: Path) -> None:
    options = reduced(architecture)
    original, network = create(architecture, **options), create(architecture, **options)
    arrays = {n: t.numpy() for n, t in original.state_dict().items() if not n.endswith("num_batches_tracked")}
    np.savez(tmp_path / "weights.npz", **arrays)
    load(network, read_file(tmp_path / "weights.npz"), LAYOUTS[architecture], architecture)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), original.parameters(), strict=True))


DOCUMENTED = {
    "hourglass": (
        *("pre.0.0.weight", "pre.0.1.running_mean", "pre.4.skip.bias", "hgs.7.low2.low2.low2.low2.conv3.weight"),
        *("hgs.0.low3.bn1.weight", "features.7.0.bn3.running_var", "features.0.1.1.weight", "outs.7.bias"),
        *("merge_features.6.weight", "merge_preds.6.weight"),
    ),
    "attention": (
        *("stem.0.0.weight", "stem.4.skip.weight", "stem.8.conv3.weight", "stacks.0.hourglass.up1.2.pooled.6.weight"),
        *("stacks.7.hourglass.low2.up1.1.pooled.0.weight", "stacks.0.hourglass.low2.low2.low2.low2.0.conv1.weight"),
        *("stacks.7.first.0.weight", "stacks.7.second.1.running_var", "stacks.0.holistic.unary.weight"),
        *("stacks.3.out.weight", "stacks.4.out.attentions.15.pairwise.bias", "stacks.7.out.outs.0.weight"),
        *("stacks.6.onward.0.weight", "stacks.6.onward.1.1.running_mean"),
    ),
    "pyranet": (
        *("stem.0.1.weight", "stem.1.main.0.0.weight", "stem.1.main.1.weight", "stem.1.skip.2.weight"),
        *("stem.1.pyramid.0.reductions.0.0.weight", "hourglasses.0.up1.main.0.running_var"),
        *("hourglasses.0.up1.main.2.0.weight", "hourglasses.0.up1.main.2.1.weight", "hourglasses.0.up1.main.3.bias"),
        *("hourglasses.7.low1.pyramid.0.weight", "hourglasses.7.low1.pyramid.2.reductions.0.1.weight"),
        *("hourglasses.7.low2.up1.pyramid.2.convs.3.weight", "hourglasses.7.low3.pyramid.2.activation.0.weight"),
        *("hourglasses.0.low3.pyramid.2.expansion.weight", "hourglasses.0.low2.low2.low2.low2.expansion.2.weight"),
        *("hourglasses.0.low3.skip.0.weight", "features.7.0.weight", "features.7.2.1.weight", "merge_maps.6.bias"),
    ),
}


@pytest.mark.parametrize("architecture", DOCUMENTED)
def test_the_names_that_are_documented_are_those_of_the_network(architecture: str) -> None:
    with torch.device("meta"):
        names = set(create(architecture, "s8" if architecture == "hourglass" else None).state_dict())
    assert set(DOCUMENTED[architecture]) <= names
