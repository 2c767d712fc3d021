import math

import numpy as np
import pytest
import torch
from torch import nn

from posestream.engines.architectures import ArchitectureError, create, reduced
from posestream.engines.architectures.contrast import normalised
from posestream.engines.architectures.jain2014 import SCALES, PartNetworks, _scaled
from posestream.engines.architectures.pose_network import Deployed
from posestream.engines.architectures.seeded import seeded
from posestream.engines.codecs import codec_for
from posestream.engines.codecs.chain_priors import Reals
from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.engines.zoo.literature.jain2014_models import SPECS
from tests.engines.architectures.learning import fit, outputs_of
from tools.train import network_form


def small(seed: int = 0) -> PartNetworks:
    network = seeded(seed, "jain2014", **reduced("jain2014"))
    assert isinstance(network, PartNetworks)
    return network.eval()


def pictures(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random(shape, np.float32))


def test_a_patch_has_two_answers_that_sum_to_one() -> None:
    (answers,) = Deployed(create("jain2014")).eval()(pictures(3, 3, 64, 64))
    assert answers.shape == (3, 2, 1, 1)
    assert torch.allclose(answers.sum(dim=1), torch.ones(3, 1, 1))


def test_a_picture_is_all_of_its_patches_four_pixels_apart() -> None:
    network = seeded(0, "jain2014", width=4, hidden=8).eval()
    with torch.device("meta"), torch.no_grad():
        assert create("jain2014")(torch.zeros(1, 3, 240, 320))[0].shape == (1, 2, 45, 65)
    with torch.no_grad():
        framed = torch.zeros(1, 3, 128, 128)
        framed[:, :, 32:96, 32:96] = patch = pictures(1, 3, 64, 64)
        network.get_parameter("features.0.bias").zero_()
        network.get_parameter("features.3.bias").zero_()
        moved = network(framed.roll((4, 8), (2, 3)))[0]
        assert torch.allclose(network(framed)[0][..., 8, 8], moved[..., 9, 10], atol=1e-5)
        assert network(patch)[0].shape == (1, 2, 1, 1)


def test_the_live_form_has_a_network_for_the_face_and_one_for_each_joint_of_one_side() -> None:
    with torch.device("meta"):
        network = create("jain2014", joints=7)
    assert sum(p.numel() for p in network.parameters()) == 4 * 4_186_482


def test_convolutions_keep_the_size_and_pooling_comes_after_two_of_three() -> None:
    features = [m for m in create("jain2014").modules() if isinstance(m, nn.Conv2d | nn.MaxPool2d)][:5]
    assert [type(layer).__name__ for layer in features] == ["Conv2d", "MaxPool2d", "Conv2d", "MaxPool2d", "Conv2d"]
    assert all(layer.padding == (2, 2) for layer in features if isinstance(layer, nn.Conv2d))


def test_each_scale_gives_a_quarter_of_the_picture_at_that_scale() -> None:
    with torch.no_grad():
        responses = small()(pictures(2, 3, 128, 96))
    assert [tuple(r.shape) for r in responses] == [(2, 7, round(32 * s), round(24 * s)) for s in SCALES]


def test_the_mirrored_picture_shows_the_other_side() -> None:
    network, images = small(), pictures(1, 3, 64, 80)
    with torch.no_grad():
        straight, mirrored = network(images)[0], network(images.flip(3))[0]
    assert torch.allclose(mirrored[:, [4, 5, 6, 1, 2, 3]].flip(3), straight[:, 1:], atol=1e-4)


def test_the_face_is_found_where_the_picture_moves_it() -> None:
    """A cell is four pixels: responses are not offset from the image by half a cell."""
    network = small()
    images = torch.full((1, 3, 96, 96), 0.5)
    images[:, :, 40:56, 40:56] = pictures(1, 3, 16, 16)
    with torch.no_grad():
        here, moved = network(images)[0], network(images.roll((4, 8), (2, 3)))[0]
    assert torch.allclose(here[:, :1, 4:16, 4:16], moved[:, :1, 5:17, 6:18], atol=1e-3)


def test_a_patch_about_its_middle_answers_for_its_cell() -> None:
    """Cell i is the patch from 4 i - 30 to 4 i + 33: a pixel is in the middle of the cells whose patches contain it."""
    network = small()
    for part in network.parts:
        for parameter in part.parameters():
            nn.init.zeros_(parameter)
        nn.init.ones_(part.get_parameter("first.weight"))
        for layer, side in (("features.0", 5), ("features.3", 5), ("features.6", 5)):
            weight = part.get_parameter(f"{layer}.weight")
            with torch.no_grad():
                weight[:, :, side // 2, side // 2] = 1
        nn.init.ones_(part.get_parameter("second.weight"))
        with torch.no_grad():
            part.get_parameter("last.weight")[1] = 1
    images = torch.zeros(1, 3, 128, 128)
    images[:, :, 64:68, 60:64] = 1  # one cell of the features: row 16, column 15
    with torch.no_grad():
        seen = torch.nonzero(network(images)[0][0, 0] > 0)
    assert len(seen)
    middle = (seen.min(dim=0).values + seen.max(dim=0).values) / 2
    assert torch.allclose(middle, torch.tensor([16.0, 15.0]))


def test_responses_are_probabilities() -> None:
    with torch.no_grad():
        for responses in Deployed(small())(pictures(1, 3, 64, 64)):
            assert 0 <= responses.min() <= responses.max() <= 1


def test_in_training_patches_are_sixteen_pixels_apart_and_answer_as_all_of_them_do() -> None:
    network, images = small(), pictures(1, 3, 96, 64)
    with torch.no_grad():
        everywhere = network(images)[0]
        torch.manual_seed(0)
        (some,) = network.train()(images)
    asked = torch.isfinite(some)
    assert asked.sum(dim=(2, 3)).eq(6 * 4).all()
    assert torch.allclose(some[asked], everywhere[asked], atol=1e-4)
    rows = [torch.nonzero(asked[0, k].any(dim=1)).flatten() for k in range(7)]
    assert all((row.diff() == 4).all() for row in rows)


def test_smaller_pictures_show_what_is_there_at_the_same_places_and_in_the_same_light() -> None:
    ramp = torch.arange(64.0).expand(1, 3, 64, 64)
    for scale in SCALES[1:]:
        small_ramp = _scaled(ramp, scale)
        side = round(64 * scale)
        assert small_ramp.shape == (1, 3, side, side)
        assert torch.allclose(small_ramp[0, 0, 3, 2:-2], ((torch.arange(side) + 0.5) / scale - 0.5)[2:-2], atol=0.15)
        assert torch.allclose(_scaled(torch.ones(1, 3, 64, 64), scale), torch.ones(1, 3, side, side))


@pytest.mark.parametrize("joints", [2, 6])
def test_arms_come_in_pairs(joints: int) -> None:
    with pytest.raises(ArchitectureError, match=f"joints = {joints}: the face and pairs of joints are an odd number"):
        create("jain2014", joints=joints)


@pytest.mark.parametrize("joints", [1, 7])
def test_a_picture_smaller_than_the_patch_is_refused(joints: int) -> None:
    with pytest.raises(ArchitectureError, match="at least 64 px and multiples of 4 px"):
        create("jain2014", joints=joints, width=2, hidden=5)(torch.zeros(1, 3, 60, 64))


# --- local contrast normalisation


def plainly(images: Reals) -> Reals:
    """The formula, pixel by pixel."""
    at = np.arange(-4, 5)
    window = np.exp(-(at[:, None] ** 2 + at**2) / (2 * 2.0**2))
    window /= window.sum()

    def smooth(picture: Reals) -> Reals:
        padded = np.pad(picture, 4, mode="edge")
        return np.array(
            [
                [(padded[y : y + 9, x : x + 9] * window).sum() for x in range(picture.shape[1])]
                for y in range(picture.shape[0])
            ]
        )

    centred = np.stack([channel - smooth(channel) for channel in images])
    local = np.stack([np.sqrt(smooth(channel**2)) for channel in centred])
    return np.asarray(centred / np.maximum(np.maximum(local, local.mean()), 1e-4))


def test_contrast_is_normalised_as_the_formula_says() -> None:
    images = np.random.default_rng(1).random((2, 3, 12, 14))
    ours = normalised(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(ours, [plainly(image) for image in images], atol=1e-9)


def test_light_makes_no_difference() -> None:
    images = pictures(1, 3, 32, 32)
    assert torch.allclose(normalised(3 * images + 5), normalised(images), atol=1e-3)


def test_a_plain_picture_stays_nothing() -> None:
    flat = normalised(torch.full((1, 3, 16, 16), 0.7))
    assert math.isclose(float(flat.abs().max()), 0, abs_tol=1e-2)


@pytest.mark.slow
def test_it_learns_one_person_by_heart() -> None:
    spec = network_form.form(SPECS[0], reduced("jain2014"), (96, 96))
    codec = codec_for(spec)
    joints = np.array([[48, 16], [62, 32], [70, 52], [66, 70], [34, 32], [26, 50], [22, 68]], np.float32)
    ones = np.ones((1, 7), np.float32)
    person = Poses(joints[None], ones, np.array([[8, 0, 88, 96]], np.float32), ones[0, :1])
    targets = codec.encode(person, (96, 96))  # type: ignore[attr-defined]
    images = pictures(1, 3, 96, 96)
    torch.manual_seed(0)
    network = network_form.network_of(spec).train()
    losses = fit(network, "jain2014", images, targets, steps=150, rate=3e-3)
    assert np.mean(losses[-10:]) < np.mean(losses[:3]) / 10
    found = codec.decode(outputs_of(network.eval(), images), [Region(-0.5, -0.5, 96, 96)], (96, 96))
    assert isinstance(found, Poses)
    assert np.linalg.norm(found.keypoints - person.keypoints, axis=-1).max() < 8  # two cells
