"""Targets of part affinity fields decode to the same people."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from posestream.engines.codecs.paf import PartAffinityFields
from posestream.engines.codecs.paf_peaks import find_peaks
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import COCO17, OPENPOSE18
from posestream.engines.zoo.catalogue import find
from tests.engines.codecs.test_paf import FIELDS, standing

SPEC = replace(find("openpose"), skeleton="openpose18")
CODEC = PartAffinityFields(SPEC, **SPEC.codec_options)
SIZE = (368, 656)
SIGMA = 7 / 8  # in cells
REGION = Region(-0.5, -0.5, 656, 368)
NECK, LEFT_SHOULDER, RIGHT_SHOULDER = (OPENPOSE18.joints.index(j) for j in ("neck", "left shoulder", "right shoulder"))


def people_at(keypoints: NDArray[np.float32], labelled: NDArray[np.bool_] | None = None) -> Poses:
    number, joints = keypoints.shape[:2]
    scores = np.ones((number, joints), np.float32) if labelled is None else labelled.astype(np.float32)
    return Poses(keypoints, scores, np.zeros((number, 4), np.float32), np.ones(number, np.float32))


def encoded(*people: Floats) -> tuple[Floats, Floats]:
    return CODEC.encode(people_at(np.stack(people)), SIZE)


def decoded(heatmaps: Floats, fields: Floats) -> Poses:
    return CODEC.decode([heatmaps[None], fields[None]], [REGION], SIZE)


def from_left(poses: Poses) -> Poses:
    return poses.take(np.argsort(poses.keypoints[:, NECK, 0]))


@st.composite
def crowds(draw: st.DrawFn) -> Floats:
    """Up to six people of a size beside each other, arms overlapping, some reaching over the borders: (P, 18, 2)."""
    height = draw(st.floats(80, 300))
    spaces = draw(st.lists(st.floats(0.45, 1.0), min_size=1, max_size=6))
    middles = np.cumsum(spaces) * height - 0.4 * height + draw(st.floats(0, 60))
    noise = np.random.default_rng(draw(st.integers(0, 1000))).normal(0, 0.015 * height, (len(spaces), 18, 2))
    people = np.stack([standing(x, draw(st.floats(5, 90)), height) for x in middles]) + noise
    return people[middles < 640].astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(crowds())
def test_everybody_in_a_crowd_comes_back_within_a_pixel(truth: Floats) -> None:
    inside = ((truth >= 0) & (truth <= np.array([655, 367]))).all(axis=-1)
    poses = from_left(decoded(*CODEC.encode(people_at(truth), SIZE)))
    truth = truth[inside.sum(axis=1) >= 6]
    poses = poses.take((poses.keypoint_scores > 0).sum(axis=1) >= 6)
    assert len(poses) == len(truth)
    ordered = np.argsort(truth[:, NECK, 0])
    truth = truth[ordered]
    found = poses.keypoint_scores > 0
    assert np.abs(poses.keypoints - truth).max(axis=-1)[found].max(initial=0) < 1


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 655), st.floats(0, 367))
def test_a_joint_anywhere_in_the_image_is_found_within_half_a_pixel(x: float, y: float) -> None:
    """Also within a cell of the border, where cubic interpolation alone is up to 6 px off."""
    one = np.zeros((1, 18), bool)
    one[0, 4] = True
    keypoints = np.full((1, 18, 2), (x, y), np.float32)
    heatmaps, _ = CODEC.encode(people_at(keypoints, one), SIZE)
    peaks = find_peaks(heatmaps[:18].transpose(1, 2, 0), 0.1, 4, SIGMA)
    assert peaks.types[0] == 4
    assert np.abs((peaks.places[0] + 0.5) * 8 - 0.5 - (x, y)).max() < 0.5


def test_a_joint_without_a_label_is_not_drawn_and_not_found() -> None:
    labelled = np.ones((1, 18), bool)
    labelled[0, 10] = False
    heatmaps, fields = CODEC.encode(people_at(standing(200)[None], labelled), SIZE)
    assert heatmaps[10].max() == 0 and not fields[FIELDS[0][8] - 19 : FIELDS[0][8] - 17].any()
    poses = decoded(heatmaps, fields)
    assert (np.nonzero(poses.keypoint_scores[0] == 0)[0] == [10]).all()


def test_a_joint_outside_the_image_is_not_drawn() -> None:
    person = standing(200)
    person[10] = (200, 368)
    heatmaps, _ = encoded(person)
    assert heatmaps[10].max() == 0 and heatmaps[9].max() > 0.5


def test_a_scene_without_people_is_background() -> None:
    heatmaps, fields = CODEC.encode(Poses.none(18), SIZE)
    assert heatmaps.shape == (19, 46, 82) and fields.shape == (38, 46, 82)
    assert not heatmaps[:18].any() and (heatmaps[18] == 1).all() and not fields.any()
    assert len(decoded(heatmaps, fields)) == 0


def test_of_two_people_near_each_other_a_map_has_the_larger_value() -> None:
    one, other = standing(200), standing(212)
    alone, beside, both = (encoded(*people)[0] for people in ((one,), (other,), (one, other)))
    assert np.array_equal(both[:18], np.maximum(alone, beside)[:18])
    assert both[18] == pytest.approx(1 - both[:18].max(axis=0))


def test_heat_maps_are_gaussians_of_7_px_about_the_joint() -> None:
    person = standing(203.5)
    person[0] = (203.5, 51.5)  # the middle of cell 25, 6
    heatmaps, _ = encoded(person)
    assert heatmaps[0, 6, 25] == 1
    assert heatmaps[0, 6, 26] == heatmaps[0, 5, 25] == pytest.approx(np.exp(-(8**2) / (2 * 7**2)))
    assert heatmaps[0, 6, 29] == 0  # less than a hundredth


def test_fields_are_unit_vectors_in_a_band_along_the_limb_in_the_channels_that_openpose_publishes() -> None:
    person = standing(203.5)
    neck, shoulder = NECK, RIGHT_SHOULDER
    person[neck], person[shoulder] = (203.5, 91.5), (163.5, 91.5)  # cells 25 and 20 of row 11
    _, fields = encoded(person)
    x = FIELDS[0][0] - 19
    assert (fields[x, 11, 20:26] == -1).all() and not fields[x + 1].any()
    rows, columns = np.nonzero(fields[x])
    assert set(rows) == {10, 11, 12}  # 8 px, one cell, on both sides
    assert set(columns) == set(range(19, 27))  # and at the ends


def test_where_limbs_of_a_type_cross_the_field_is_their_mean() -> None:
    one, other = standing(300), standing(300)
    one[3], one[4] = (203.5, 91.5), (283.5, 91.5)  # a forearm to the right
    other[3], other[4] = (243.5, 51.5), (243.5, 131.5)  # and one down across it
    _, fields = encoded(one, other)
    x = FIELDS[0][3] - 19
    assert fields[x : x + 2, 11, 30].tolist() == [0.5, 0.5]
    assert fields[x : x + 2, 11, 26].tolist() == [1, 0]


def test_coco_people_get_a_neck_between_the_shoulders() -> None:
    codec = PartAffinityFields(replace(SPEC, skeleton="coco17"))
    order = [OPENPOSE18.joints.index(joint) for joint in COCO17.joints]
    heatmaps, _ = codec.encode(people_at(standing(203.5, y=61.5)[order][None]), SIZE)
    row, column = np.unravel_index(heatmaps[NECK].argmax(), heatmaps[NECK].shape)
    assert (row, column) == (11, 25)
    labelled = np.ones((1, 17), bool)
    labelled[0, COCO17.joints.index("left shoulder")] = False
    heatmaps, _ = codec.encode(people_at(standing(203.5)[order][None], labelled), SIZE)
    assert not heatmaps[NECK].any() and not heatmaps[LEFT_SHOULDER].any() and heatmaps[RIGHT_SHOULDER].any()


def test_two_outputs_are_read_as_one_is() -> None:
    heatmaps, fields = encoded(standing(150), standing(300))
    joined = np.concatenate([heatmaps, fields]).transpose(1, 2, 0)[None]
    one = PartAffinityFields(replace(find("openpose-mobilenet-thin"), skeleton="openpose18"), **SPEC.codec_options)
    assert np.array_equal(one.decode([joined], [REGION], SIZE).keypoints, decoded(heatmaps, fields).keypoints)


def test_people_of_all_images_of_a_batch_are_found() -> None:
    outputs = zip(encoded(standing(150)), encoded(standing(400)), strict=True)
    poses = CODEC.decode([np.stack(pair) for pair in outputs], [REGION, REGION], SIZE)
    assert from_left(poses).keypoints[:, NECK, 0] == pytest.approx([150, 400], abs=1)


def test_noise_has_no_more_than_500_peaks_and_maps_of_nothing_have_none() -> None:
    noise = np.random.default_rng(0).uniform(0, 1, (46, 82, 18)).astype(np.float32)
    assert len(find_peaks(noise, 0.1, 4, SIGMA).scores) <= 500
    nothing = np.full((46, 82, 18), np.nan, np.float32)
    assert len(find_peaks(nothing, 0.1, 4, SIGMA).scores) == 0


def test_maps_of_one_cell_are_read() -> None:
    heat = np.zeros((1, 1, 18), np.float32)
    heat[0, 0, 3] = 0.9
    peaks = find_peaks(heat, 0.1, 4, SIGMA)
    assert peaks.types.tolist() == [3] and np.abs(peaks.places).max() <= 0.5
