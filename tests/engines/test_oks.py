"""The OKS formula, by hand; `coco_oks`, `pose_nms` and the tracker's tests compare it with pycocotools."""

import numpy as np
import pytest

from posestream.engines.oks import keypoint_similarity

SIGMAS = np.array([0.05, 0.1])
OFFSETS = np.array([[[[3.0, 4.0], [0.0, 10.0]]]])
TERMS = np.exp([-25 / (2 * 900 * 0.1**2), -100 / (2 * 900 * 0.2**2)])


def test_joints_count_by_their_weights() -> None:
    found = keypoint_similarity(OFFSETS, np.array([3.0, 1.0]), 900.0, SIGMAS)
    assert found == pytest.approx(np.array([[(3 * TERMS[0] + TERMS[1]) / 4]]))


def test_without_a_joint_to_compare_poses_are_not_similar() -> None:
    assert keypoint_similarity(OFFSETS, np.zeros(2, bool), 900.0, SIGMAS).tolist() == [[0.0]]


def test_a_spread_of_the_place_adds_its_square_to_the_variance_in_pixels() -> None:
    found = keypoint_similarity(OFFSETS, np.array([1.0, 0.0]), 900.0, SIGMAS, spread_px=np.array([[4.0]]))
    assert found == pytest.approx(np.array([[np.exp(-25 / (2 * (900 * 0.1**2 + 4.0**2)))]]))
