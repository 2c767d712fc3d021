import numpy as np
import pytest

from posestream.engines.results import Poses
from posestream.engines.skeletons import COCO17
from posestream.stream.people.similarity import iou, oks, similarity, sizes_px
from tests.stream.people.figures import crowd, moved, walker

SIGMAS = COCO17.sigmas


def square(side_px: float, shift_px: float = 0.0) -> Poses:
    keypoints = np.full((1, 17, 2), 50.0, np.float32) + np.array([shift_px, 0.0], np.float32)
    box = np.array([[0.0, 0.0, side_px, side_px]], np.float32)
    return Poses(keypoints, np.ones((1, 17), np.float32), box, np.ones(1, np.float32))


def test_oks_is_cocos() -> None:
    # pycocotools: all 17 joints 5 px off, area 10000
    assert oks(square(100), square(100, 5.0), SIGMAS)[0, 0] == pytest.approx(0.8711549523, abs=1e-7)


def test_a_pose_is_like_itself_and_unlike_a_distant_one() -> None:
    people = crowd(walker(100), walker(400))
    np.testing.assert_allclose(similarity(people, people, SIGMAS), np.eye(2), atol=1e-6)


def test_a_joint_that_either_side_is_unsure_of_hardly_counts() -> None:
    seen, guessed = walker(100), walker(100)
    guessed.keypoints[0, 9] += 500
    before = oks(seen, guessed, SIGMAS)[0, 0]
    guessed.keypoint_scores[0, 9] = 0.0
    assert before < 0.96
    assert oks(seen, guessed, SIGMAS)[0, 0] > 0.999


def test_an_uncertain_place_makes_distant_poses_more_alike() -> None:
    here, there = walker(100), moved(walker(100), (60, 0))
    assert similarity(here, there, SIGMAS, np.array([60.0]))[0, 0] > 3 * similarity(here, there, SIGMAS)[0, 0]


def test_iou_of_boxes() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 20, 20]], np.float32)
    np.testing.assert_allclose(iou(boxes, boxes), [[1.0, 1 / 3, 0.0], [1 / 3, 1.0, 0.0], [0.0, 0.0, 0.0]])


def test_somebody_seen_edge_on_has_a_size() -> None:
    np.testing.assert_allclose(sizes_px(np.array([[0, 0, 0, 100], [0, 0, 100, 100]], np.float32)), [50, 100])
