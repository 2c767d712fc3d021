"""Parametric pose NMS: the poses that are merged, and the result of merging."""

import numpy as np
import pytest

from posestream.engines.codecs.parametric_nms import (
    ALPHAPOSE_COCO,
    RMPE_MPII,
    Parametric,
    published_scores,
    suppress_parametric,
)
from posestream.engines.results import Poses

JOINTS = np.random.default_rng(0).uniform(0, 100, (17, 2))


def poses(*shifts_and_scores: tuple[float, float], joints: int = 17) -> Poses:
    """The same joints in a box of 100 x 100, moved to the right."""
    keypoints = np.array([JOINTS[:joints] + np.array([shift, 0]) for shift, _ in shifts_and_scores], np.float32)
    scores = np.array([score for _, score in shifts_and_scores], np.float32)
    boxes = np.array([(shift, 0, shift + 100, 100) for shift, _ in shifts_and_scores], np.float32)
    return Poses(keypoints, np.repeat(scores[:, None], joints, axis=1), boxes, scores)


def test_both_sets_are_the_published_ones() -> None:
    assert (RMPE_MPII.confidence, RMPE_MPII.weight, RMPE_MPII.distance, RMPE_MPII.threshold) == (
        0.01,
        2.08,
        2.08,
        22.48,
    )
    published = (ALPHAPOSE_COCO.confidence, ALPHAPOSE_COCO.weight, ALPHAPOSE_COCO.distance, ALPHAPOSE_COCO.threshold)
    assert published == (1.0, 1.7, 2.65, 22.48)


@pytest.mark.parametrize(("parameters", "joints"), [(RMPE_MPII, 16), (ALPHAPOSE_COCO, 17)])
def test_somebody_found_twice_is_one_and_a_neighbour_stays(parameters: Parametric, joints: int) -> None:
    kept = suppress_parametric(poses((0, 0.6), (1, 0.9), (150, 0.5), joints=joints), parameters)
    assert kept.scores == pytest.approx([0.9, 0.5])


def test_five_joints_in_the_same_place_are_enough_for_alphapose() -> None:
    """The other twelve are far away: the similarity alone would let both stay."""
    pair = poses((0, 0.9), (0, 0.8))
    pair.keypoints[1, 5:] += 500
    assert len(suppress_parametric(pair)) == 1
    pair.keypoints[1, 4] += 500
    assert len(suppress_parametric(pair)) == 2


def test_the_same_place_is_seven_pixels_or_a_tenth_of_the_box() -> None:
    def five_off_by(shift: float, side: float) -> int:
        pair = poses((0, 0.9), (0, 0.8))
        pair.keypoints[1] += 5000
        pair.keypoints[1, :5] = pair.keypoints[0, :5] + (shift, 0)
        pair.boxes_xyxy[0] = (0, 0, side, side)
        return len(suppress_parametric(pair))

    assert five_off_by(6.9, 1000) == 1 and five_off_by(7.1, 1000) == 2
    assert five_off_by(2.9, 30) == 1 and five_off_by(3.1, 30) == 2


def test_joints_of_the_poses_that_go_are_merged_by_their_scores() -> None:
    merged = suppress_parametric(poses((0, 0.6), (3, 0.9)))
    assert merged.keypoints[0, :, 0] == pytest.approx(JOINTS[:, 0] + 3 * 0.9 / 1.5, abs=1e-3)
    assert merged.keypoint_scores[0] == pytest.approx((0.6**2 + 0.9**2) / 1.5, abs=1e-4)


def test_a_joint_further_than_fifteen_pixels_is_not_merged() -> None:
    pair = poses((0, 0.9), (0, 0.9))
    pair.boxes_xyxy[0] = (0, 0, 1000, 1000)
    pair.keypoints[1, 0] += (16, 0)
    pair.keypoints[1, 1] += (14, 0)
    merged = suppress_parametric(pair)
    assert merged.keypoints[0, :2, 0] == pytest.approx(JOINTS[:2, 0] + (0, 7), abs=1e-3)


def test_a_pose_without_a_joint_that_is_sure_is_nobody() -> None:
    assert len(suppress_parametric(poses((0, 0.29)))) == 0
    assert len(suppress_parametric(poses((0, 0.31)))) == 1


def test_people_are_ranked_by_joints_box_and_the_surest_joint() -> None:
    one = poses((0, 0.4))
    one.keypoint_scores[0, 3] = 0.8
    wanted = one.keypoint_scores.mean() + 0.7 + 1.25 * 0.8
    assert published_scores(one, np.array([0.7], np.float32)) == pytest.approx([wanted])
