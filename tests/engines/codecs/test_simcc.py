"""Joints from SimCC, on ideal logits of known people."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from posestream.engines.codecs import codec_for
from posestream.engines.codecs.simcc import SimCC
from posestream.engines.geometry import crop_around, mirrored, to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import COCO17
from posestream.engines.zoo.catalogue import find

SPEC = find("rtmpose-t")
SIZE = (256, 192)
REGION = Region(-0.5, -0.5, 192, 256)  # pixels of frame and input are the same
CODEC = SimCC(SPEC)

joints = st.lists(st.tuples(st.floats(0, 191), st.floats(0, 255)), min_size=17, max_size=17)


def person(keypoints: NDArray[np.float32], unlabelled: tuple[int, ...] = ()) -> Poses:
    scores = np.ones((1, 17), np.float32)
    scores[0, list(unlabelled)] = 0
    return Poses(keypoints[None], scores, np.zeros((1, 4), np.float32), np.ones(1, np.float32))


def anybody(seed: int = 0) -> Floats:
    return np.random.default_rng(seed).uniform((20, 20), (170, 230), (17, 2)).astype(np.float32)


def seen_in_a_mirror(keypoints: Floats) -> Floats:
    """The same person's joints, as named in the mirrored image."""
    seen = keypoints[COCO17.mirror]
    seen[:, 0] = 191 - seen[:, 0]
    return seen


def logits(*people: Floats) -> list[Floats]:
    encoded = [CODEC.encode(person(keypoints), SIZE) for keypoints in people]
    return [np.stack([targets[i] for targets in encoded]) for i in (0, 1)]


@given(joints)
def test_every_joint_in_the_image_comes_back_within_a_quarter_pixel(places: list[tuple[float, float]]) -> None:
    keypoints = np.array(places, np.float32)
    poses = CODEC.decode(logits(keypoints), [REGION], SIZE)
    assert np.abs(poses.keypoints[0] - keypoints).max() <= 0.251
    assert poses.keypoint_scores == pytest.approx(1)


def test_people_come_in_the_order_of_their_regions_and_in_frame_pixels() -> None:
    boxes = ((100, 50, 180, 300), (400, 20, 640, 400))
    regions = [crop_around(box, SPEC.input, 1.25) for box in boxes]
    poses = CODEC.decode(logits(anybody(1), anybody(2)), regions, SIZE)
    for found, seed, region in zip(poses.keypoints, (1, 2), regions, strict=True):
        assert np.abs(found - to_frame(anybody(seed), region, SIZE)).max() <= 0.26 * region.width_px / 192


def test_nobody_to_look_at_is_nobody_found() -> None:
    assert CODEC.decode([np.zeros((0, 17, 384)), np.zeros((0, 17, 512))], [], SIZE).keypoints.shape == (0, 17, 2)


def test_the_label_is_a_gaussian_of_height_1_about_the_nearest_bin() -> None:
    keypoints = anybody()
    keypoints[3] = (50.3, 80.1)
    x, y, weights = CODEC.encode(person(keypoints), SIZE)
    assert x.shape == (17, 384) and y.shape == (17, 512) and (weights == 1).all()
    assert x[3].argmax() == 101 and y[3].argmax() == 160 and x[3].max() == y[3].max() == 1
    assert x[3, 106] == pytest.approx(np.exp(-(5**2) / (2 * 4.9**2)))
    assert y[3, 166] == pytest.approx(np.exp(-(6**2) / (2 * 5.66**2)))


def test_a_joint_that_is_not_labelled_weighs_nothing() -> None:
    *_, weights = CODEC.encode(person(anybody(), unlabelled=(4, 9)), SIZE)
    assert (np.nonzero(weights == 0)[0] == [4, 9]).all()


def test_a_joint_outside_is_labelled_while_its_gaussian_reaches_in() -> None:
    keypoints = anybody()
    keypoints[0], keypoints[1], keypoints[2], keypoints[3] = (-6, 50), (-9, 50), (50, 262), (50, 266)
    *_, weights = CODEC.encode(person(keypoints), SIZE)
    assert weights[:4].tolist() == [1, 0, 1, 0]


def test_the_score_is_the_smaller_maximum_or_if_asked_for_the_mean() -> None:
    x, y = logits(anybody())
    assert CODEC.decode([x * 0.5, y], [REGION], SIZE).keypoint_scores == pytest.approx(0.5)
    mean = codec_for(replace(SPEC, codec_options={"score": "mean"}))
    poses = mean.decode([x * 0.5, y], [REGION], SIZE)
    assert isinstance(poses, Poses)
    assert poses.keypoint_scores == pytest.approx(0.75) and poses.scores == pytest.approx(0.75)


def test_another_score_is_refused() -> None:
    with pytest.raises(ValueError, match='rtmpose-t: simcc: score = "max": it must be "min" or "mean"'):
        codec_for(replace(SPEC, codec_options={"score": "max"}))


@pytest.mark.parametrize("value", [0.0, -3.0, np.nan])
def test_a_joint_without_a_positive_maximum_was_not_found(value: float) -> None:
    x, y = logits(anybody())
    y[0, 5] = value
    poses = CODEC.decode([x, y], [REGION], SIZE)
    assert poses.keypoint_scores[0, 5] == 0 and (np.delete(poses.keypoint_scores[0], 5) > 0.9).all()
    assert np.isfinite(poses.keypoints).all() and np.isfinite(poses.boxes_xyxy).all()


def test_a_mirrored_region_gives_the_persons_own_left_and_right() -> None:
    poses = CODEC.decode(logits(seen_in_a_mirror(anybody())), [mirrored(REGION)], SIZE)
    assert np.abs(poses.keypoints[0] - anybody()).max() <= 0.251


def test_the_flip_test_is_the_mean_of_both_looks() -> None:
    one, other = anybody(1), anybody(2)
    outputs = logits(one, other, seen_in_a_mirror(one), seen_in_a_mirror(other))
    mean = CODEC.flip_mean(outputs)
    assert [output.shape for output in mean] == [(2, 17, 384), (2, 17, 512)]
    poses = CODEC.decode(mean, [REGION, REGION], SIZE)
    assert np.abs(poses.keypoints - np.stack([one, other])).max() <= 0.76  # half a pixel is the authors' own


def test_the_flip_test_weighs_both_looks_the_same() -> None:
    x, y = logits(anybody(), seen_in_a_mirror(anybody()))
    y[1] = 0
    assert CODEC.decode(CODEC.flip_mean([x, y]), [REGION], SIZE).keypoint_scores == pytest.approx(0.5)
