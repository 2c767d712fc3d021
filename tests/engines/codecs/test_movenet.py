"""Poses from MoveNet's outputs."""

import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.codecs import codec_for
from posestream.engines.geometry import crop_around, mirrored, to_input
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import COCO17
from posestream.engines.zoo.catalogue import find

SINGLE, MULTI = find("movenet-lightning"), find("movenet-multipose")
SIZE = (192, 192)


def person(seed: int = 0, left: float = 200.0) -> Floats:
    """17 places in frame pixels."""
    return np.random.default_rng(seed).uniform((left, 150), (left + 100, 250), (17, 2)).astype(np.float32)


def as_output(keypoints: Floats, region: Region, size_hw: tuple[int, int], score: float = 0.5) -> NDArray[np.float32]:
    """The ideal output (17, 3) for `keypoints` in that region: y, x from edge to edge, score."""
    there = to_input(region, size_hw)
    x, y = ((keypoints @ there[:, :2].T + there[:, 2] + 0.5) / size_hw[::-1]).T
    return np.stack([y, x, np.full(17, score)], axis=1).astype(np.float32)


def poses_of(outputs: NDArray[np.float32], regions: list[Region]) -> Poses:
    poses = codec_for(SINGLE).decode([outputs], regions, SIZE)
    assert isinstance(poses, Poses)
    return poses


def test_each_region_gives_its_pose_in_frame_pixels_in_order() -> None:
    people = [person(0), person(1, left=400)]
    regions = [crop_around([*p.min(axis=0), *p.max(axis=0)], SINGLE.input, 1.05) for p in people]
    outputs = np.stack([as_output(p, r, SIZE, s)[None] for p, r, s in zip(people, regions, (0.5, 0.7), strict=True)])
    poses = poses_of(outputs, regions)
    assert np.allclose(poses.keypoints, people, atol=1e-2)
    assert poses.scores == pytest.approx([0.5, 0.7])
    assert np.allclose(poses.boxes_xyxy[0], [*people[0].min(axis=0), *people[0].max(axis=0)], atol=1e-2)


def test_a_mirrored_region_gives_the_same_person_with_left_and_right_put_right() -> None:
    keypoints = person()
    region = mirrored(crop_around([*keypoints.min(axis=0), *keypoints.max(axis=0)], SINGLE.input, 1.05))
    seen = as_output(keypoints, region, SIZE)[COCO17.mirror]  # the network takes a mirrored left arm for a right one
    assert np.allclose(poses_of(seen[None, None], [region]).keypoints[0], keypoints, atol=1e-2)


def test_the_box_leaves_out_joints_that_are_guesses() -> None:
    keypoints = person()
    region = crop_around([*keypoints.min(axis=0), *keypoints.max(axis=0)], SINGLE.input, 1.05)
    output = as_output(keypoints, region, SIZE)
    output[10:, 2] = 0.05
    sure = keypoints[:10]
    expected = [*sure.min(axis=0), *sure.max(axis=0)]
    assert np.allclose(poses_of(output[None, None], [region]).boxes_xyxy[0], expected, atol=1e-2)


def test_no_regions_are_no_poses() -> None:
    poses = poses_of(np.zeros((0, 1, 17, 3), np.float32), [])
    assert len(poses) == 0 and poses.keypoints.shape == (0, 17, 2)


def multi(*people: tuple[Floats, float], region: Region, size_hw: tuple[int, int]) -> NDArray[np.float32]:
    output = np.zeros((1, 6, 56), np.float32)
    for i, (keypoints, score) in enumerate(people):
        places = as_output(keypoints, region, size_hw)
        low, high = places[:, :2].min(axis=0), places[:, :2].max(axis=0)
        output[0, i] = [*places.reshape(-1), *low, *high, score]
    return output


def test_multipose_gives_the_certain_people_best_first() -> None:
    region, size_hw = Region(-0.5, -0.5, 640, 480), (288, 384)
    one, other = person(0), person(1, left=400)
    output = multi((one, 0.4), (other, 0.9), (person(2), 0.01), region=region, size_hw=size_hw)
    poses = codec_for(MULTI).decode([output], [region], size_hw)
    assert isinstance(poses, Poses)
    assert poses.scores == pytest.approx([0.9, 0.4])
    assert np.allclose(poses.keypoints, [other, one], atol=1e-2)
    assert np.allclose(poses.boxes_xyxy[0], [*other.min(axis=0), *other.max(axis=0)], atol=1e-2)


def test_multipose_tells_a_person_found_twice_once() -> None:
    region, size_hw = Region(-0.5, -0.5, 640, 480), (288, 384)
    output = multi((person(), 0.4), (person() + np.float32(1), 0.9), region=region, size_hw=size_hw)
    assert len(codec_for(MULTI).decode([output], [region], size_hw)) == 1


def test_multipose_of_an_empty_scene_is_nobody() -> None:
    poses = codec_for(MULTI).decode([np.zeros((1, 6, 56), np.float32)], [Region(0, 0, 10, 10)], (288, 384))
    assert len(poses) == 0
