"""DeeperCut's network: the differences of its Caffe and TensorFlow forms, and training."""

import numpy as np
import pytest
import torch
from torch import nn

from posestream.engines.architectures import ArchitectureError, count, create
from posestream.engines.architectures.deepercut import REDUCED, DeeperCut, Head
from posestream.engines.codecs import codec_for
from posestream.engines.codecs.boxes import around
from posestream.engines.codecs.multicut import Multicut
from posestream.engines.codecs.part_scores import PartScores
from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.engines.zoo.literature.deepercut_models import SPECS
from tests.engines.architectures.learning import fit, outputs_of


def small(**options: int) -> DeeperCut:
    torch.manual_seed(0)
    network = create("deepercut", "r101", **REDUCED, **options)
    assert isinstance(network, DeeperCut)
    return network.eval()


@pytest.mark.parametrize(("joints", "maps"), [(14, (14, 28, 364)), (17, (17, 34, 544))])
def test_the_heads_give_scores_refinement_and_pairwise_offsets_at_stride_8(joints: int, maps: tuple[int, ...]) -> None:
    with torch.device("meta"):
        outputs = create("deepercut", "r101", joints=joints)(torch.zeros(2, 3, 72, 104))
    assert [tuple(output.shape) for output in outputs] == [(2, channels, 9, 13) for channels in maps]


@pytest.mark.parametrize(
    ("options", "parameters"),  # of the authors' TensorFlow networks, without the supervision inside the trunk
    [({"joints": 17}, 53_467_795), ({"single": True}, 43_274_346)],
)
def test_the_tensorflow_form_has_the_parameters_of_its_authors_networks(
    options: dict[str, int], parameters: int
) -> None:
    with torch.device("meta"):
        assert count.parameters(create("deepercut", "r101", tensorflow=True, **options)) == parameters


def test_strides_are_on_the_1x1_convolutions_and_the_last_stage_dilates() -> None:
    with torch.device("meta"):
        trunk = create("deepercut", "r101").get_submodule("trunk")
    strided = {n for n, m in trunk.named_modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)}
    assert strided == {"conv1", "layer2.0.conv1", "layer2.0.downsample.0", "layer3.0.conv1", "layer3.0.downsample.0"}
    dilated = {n for n, m in trunk.named_modules() if isinstance(m, nn.Conv2d) and m.dilation == (2, 2)}
    assert dilated == {f"layer4.{block}.conv2" for block in range(3)}


def test_the_tensorflow_form_strides_in_the_last_block_of_a_stage() -> None:
    with torch.device("meta"):
        trunk = create("deepercut", "r101", tensorflow=True).get_submodule("trunk")
    strided = {n for n, m in trunk.named_modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)}
    assert strided == {"conv1", "layer1.2.conv2", "layer2.3.conv2"}


def test_the_first_pooling_has_no_padding_and_rounds_up() -> None:
    pooling = small().trunk.maxpool
    assert (pooling.padding, pooling.ceil_mode) == (0, True)


@pytest.mark.parametrize("skip", [None, 3])
def test_a_head_gives_a_cell_to_the_three_from_twice_its_index_and_cuts_right_and_below(skip: int | None) -> None:
    """Caffe's deconvolution without padding and its Crop at 0; torch's padding of 1 would shift by a cell."""
    head = Head(1, skip, 1)
    nn.init.ones_(head.up.weight)
    features = torch.zeros(1, 1, 3, 3)
    features[0, 0, 1, 2] = 1
    maps = head(features, torch.zeros(1, 3, 6, 6))[0, 0]
    assert maps.shape == (6, 6)
    assert {(int(y), int(x)) for y, x in torch.nonzero(maps)} == {(y, x) for y in (2, 3, 4) for x in (4, 5)}


def test_both_ways_of_a_head_have_a_bias_and_add_up() -> None:
    head = Head(1, 2, 1)
    assert head.skip is not None and head.skip.bias is not None and head.up.bias is not None
    nn.init.ones_(head.up.bias)
    nn.init.constant_(head.skip.bias, 2)
    assert torch.equal(head(torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 3, 3)), torch.full((1, 1, 3, 3), 3.0))


def test_probabilities_are_decoded_and_logits_are_learnt() -> None:
    network, images = small(), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        outputs = network(images)
        decoded = network.decoded(outputs)
    assert torch.equal(decoded[0], outputs[0].sigmoid())
    assert decoded[1] is outputs[1] and decoded[2] is outputs[2]


def test_sides_that_are_no_multiples_of_the_stride_are_refused() -> None:
    with pytest.raises(ArchitectureError, match="height and width must be at least 8 px and multiples of 8 px"):
        small()(torch.zeros(1, 3, 64, 60))
    with pytest.raises(ArchitectureError, match="at least 16 px and multiples of 16 px"):
        small(tensorflow=1)(torch.zeros(1, 3, 64, 72))


def test_it_learns_one_image() -> None:
    spec = SPECS[2]
    codec = codec_for(spec)
    assert isinstance(codec, PartScores)
    random = np.random.default_rng(0)
    keypoints = random.uniform(8, 120, (1, 14, 2)).astype(np.float32)
    person = Poses(
        keypoints, np.ones((1, 14), np.float32), np.array([[0, 0, 128, 128]], np.float32), np.ones(1, np.float32)
    )
    targets = codec.encode(person, (128, 128))
    images = torch.from_numpy(random.standard_normal((1, 3, 128, 128)).astype(np.float32))
    network = small(single=1).train()
    losses = fit(network, "deepercut", images, targets, steps=50, rate=3e-3)
    assert losses[-1] < losses[0] / 10
    found = codec.decode(outputs_of(network, images), [Region(-0.5, -0.5, 128, 128)], (128, 128))
    assert np.linalg.norm(found.keypoints - keypoints, axis=-1).max() < 8


def test_it_learns_to_tell_two_people_apart() -> None:
    spec = SPECS[0]
    codec = codec_for(spec)
    assert isinstance(codec, Multicut)
    random = np.random.default_rng(1)
    upright = random.uniform(8, 96, (14, 2)) * (0.6, 1.2)
    keypoints = np.stack([upright, upright + np.array([64, 4])]).astype(np.float32)  # the same pose beside itself
    scores = np.ones((2, 14), np.float32)
    people = Poses(keypoints, scores, around(keypoints, scores, 0.5), np.ones(2, np.float32))
    targets = codec.encode(people, (128, 128))
    images = torch.from_numpy(random.standard_normal((1, 3, 128, 128)).astype(np.float32))
    network = small().train()
    losses = fit(network, "deepercut", images, targets, steps=50, rate=3e-3)
    assert losses[-1] < losses[0] / 10
    found = codec.decode(outputs_of(network, images), [Region(-0.5, -0.5, 128, 128)], (128, 128))
    assert len(found) == 2
    apart = np.linalg.norm(found.keypoints[:, None] - keypoints[None], axis=-1).max(axis=-1)
    assert sorted(apart.argmin(axis=1)) == [0, 1]
    assert apart.min(axis=1).max() < 8
