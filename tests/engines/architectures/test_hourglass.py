from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from posestream.engines.architectures import ArchitectureError, create, reduced
from posestream.engines.architectures.preactivated import Hourglass, Residual
from posestream.engines.codecs import codec_for
from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.engines.zoo.catalogue import find
from tests.engines.architectures.learning import fit, outputs_of
from tests.engines.architectures.parity.equality import greatest_error
from tests.engines.architectures.parity.fixture import read


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """One thread: small sums in two are slower and differ in the last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_equal_weights_give_what_the_authors_network_gives_at_every_stack() -> None:
    fixture = read("hourglass-s2")
    assert len(fixture.outputs) == 2
    assert greatest_error(create("hourglass", "s2"), "hourglass", fixture) <= 1e-5


@pytest.mark.parametrize(("variant", "stacks"), [("s1", 1), ("s2", 2), ("s8", 8)])
def test_every_stack_is_supervised_and_the_last_one_decoded(variant: str, stacks: int) -> None:
    with torch.device("meta"), torch.no_grad():
        network = create("hourglass", variant).eval()
        outputs = network(torch.zeros(2, 3, 128, 192))
    assert [tuple(maps.shape) for maps in outputs] == [(2, 16, 32, 48)] * stacks
    (decoded,) = network.decoded(outputs)
    assert decoded is outputs[-1]


def test_all_convolutions_have_biases() -> None:
    with torch.device("meta"):
        network = create("hourglass", "s2")
    assert all(m.bias is not None for m in network.modules() if isinstance(m, nn.Conv2d))


def test_only_blocks_that_change_channels_have_a_convolution_beside_them() -> None:
    with torch.device("meta"):
        network = create("hourglass", "s2")
    skips = [n for n, m in network.named_modules() if n.endswith("skip") and isinstance(m, nn.Conv2d)]
    assert skips == ["pre.1.skip", "pre.4.skip"]


def test_the_input_of_a_block_goes_by_its_branch_as_it_is() -> None:
    """Normalisation and ReLU precede convolutions: none follows the sum."""
    block, features = Residual(8, 8).eval(), torch.randn(1, 8, 4, 4)
    with torch.no_grad():
        for parameter in block.conv3.parameters():
            parameter.zero_()
        assert torch.equal(block(features), features)


def test_a_block_normalises_before_it_convolves() -> None:
    block = Residual(8, 8).eval()
    with torch.no_grad():
        block.bn1.weight.fill_(0.0)
        block.bn1.bias.fill_(-1.0)
        one, other = block.branch(torch.randn(1, 8, 4, 4)), block.branch(torch.randn(1, 8, 4, 4))
    assert torch.equal(one, other), "where ReLU lets nothing through, the branch knows nothing of its input"


def test_an_hourglass_takes_the_largest_of_four_down_and_repeats_values_up() -> None:
    features = torch.randn(1, 1, 4, 4)
    largest = features.reshape(1, 1, 2, 2, 2, 2).amax(dim=(3, 5))
    repeated = largest.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    assert torch.equal(Hourglass(1, lambda _place, _depth: nn.Identity())(features), features + repeated)


def test_an_hourglass_of_four_levels_goes_down_to_a_sixteenth() -> None:
    levels = Hourglass(4, lambda _place, _depth: nn.Identity()).levels(torch.randn(1, 1, 64, 32))
    assert [tuple(level.shape[2:]) for level in levels] == [(64, 32), (32, 16), (16, 8), (8, 4), (4, 2)]


def test_the_next_stack_sees_input_features_and_maps() -> None:
    """With both merging convolutions at zero the input of the second hourglass is that of the first."""
    network = create("hourglass", "s2", channels=8).eval()
    with torch.no_grad():
        for name in ("merge_features", "merge_preds"):
            for parameter in network.get_submodule(name).parameters():
                parameter.zero_()
        for ours, theirs in (("hgs.1", "hgs.0"), ("features.1", "features.0"), ("outs.1", "outs.0")):
            network.get_submodule(ours).load_state_dict(network.get_submodule(theirs).state_dict())
        images = torch.randn(1, 3, 64, 64)
        first, second = network(images)
        assert torch.equal(first, second)
        for name in ("merge_features", "merge_preds"):
            (bias,) = (p for n, p in network.get_submodule(name).named_parameters() if n.endswith("bias"))
            bias.fill_(1.0)
            assert not torch.equal(network(images)[1], second), name
            bias.zero_()


def test_images_that_an_hourglass_cannot_halve_are_refused() -> None:
    with pytest.raises(ArchitectureError, match="height and width must be at least 64 px and multiples of 64 px"):
        create("hourglass", "s1", channels=8)(torch.zeros(1, 3, 256, 192 + 32))


def test_it_learns_a_person_and_gives_the_joints_back() -> None:
    torch.manual_seed(0)
    spec, size_hw = find("hourglass-s1"), (64, 128)
    codec = codec_for(replace(spec, outputs=(replace(spec.outputs[0], shape=(None, 16, 16, 32)),)))
    truth = np.random.default_rng(0).uniform((8, 8), (120, 56), (1, 16, 2)).astype(np.float32)
    person = Poses(truth, np.ones((1, 16), np.float32), np.zeros((1, 4), np.float32), np.ones(1, np.float32))
    targets = codec.encode(person, size_hw)  # type: ignore[attr-defined]
    network, image = create("hourglass", "s1", **reduced("hourglass")), torch.randn(1, 3, 64, 128)
    losses = fit(network, "hourglass", image, targets, steps=140, rate=1e-2)
    assert losses[-1] < losses[0] / 50
    poses = codec.decode(outputs_of(network, image), [Region(-0.5, -0.5, 128, 64)], size_hw)
    assert isinstance(poses, Poses)
    away_px = np.abs(poses.keypoints - truth)
    assert away_px.mean() < spec.outputs[0].stride / 2
    # Of two equal cells the processor's rounding decides which is the maximum: a tolerance of one cell.
    assert away_px.max() < 2 * spec.outputs[0].stride
