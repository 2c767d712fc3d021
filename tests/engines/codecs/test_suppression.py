"""NMS of boxes and poses."""

import numpy as np
import pytest

from posestream.engines.codecs.boxes import around, iou, suppress
from posestream.engines.codecs.parametric_nms import Parametric, suppress_parametric
from posestream.engines.codecs.pose_nms import pose_oks
from posestream.engines.codecs.pose_nms import suppress as suppress_poses
from posestream.engines.results import Boxes, Poses
from posestream.engines.skeletons import COCO17, LSP14


def boxes(*rows: tuple[float, float, float, float, float]) -> Boxes:
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Boxes(table[:, :4].copy(), table[:, 4].copy())


def poses(*shifts_and_scores: tuple[float, float]) -> Poses:
    """The same 17 joints in a box of 100 x 100, moved to the right."""
    joints = np.random.default_rng(0).uniform(0, 100, (17, 2))
    joints[:2] = (0, 0), (100, 100)
    keypoints = np.array([joints + np.array([shift, 0]) for shift, _ in shifts_and_scores], np.float32).reshape(
        -1, 17, 2
    )
    scores = np.array([score for _, score in shifts_and_scores], np.float32)
    box = np.array([(shift, 0, shift + 100, 100) for shift, _ in shifts_and_scores], np.float32).reshape(-1, 4)
    return Poses(keypoints, np.repeat(scores[:, None], 17, axis=1), box, scores)


def test_iou_of_boxes() -> None:
    a = boxes((0, 0, 10, 10, 1), (0, 0, 0, 0, 1)).xyxy
    b = boxes((0, 0, 10, 10, 1), (5, 0, 15, 10, 1), (20, 20, 30, 30, 1)).xyxy
    assert np.allclose(iou(a[:, None], b[None]), np.array([[1, 1 / 3, 0], [0, 0, 0]]))


def test_the_better_of_two_like_boxes_stays() -> None:
    kept = suppress(boxes((0, 0, 10, 10, 0.5), (1, 0, 11, 10, 0.9), (20, 0, 30, 10, 0.1)), 0.5, 10)
    assert kept.scores == pytest.approx([0.9, 0.1])


def test_no_more_boxes_than_asked_for_are_kept() -> None:
    assert suppress(boxes((0, 0, 1, 1, 0.1), (5, 5, 6, 6, 0.2)), 0.5, 1).scores == pytest.approx([0.2])


def test_a_box_around_joints_leaves_out_the_unsure_ones_unless_all_are() -> None:
    keypoints = np.array([[[0, 0], [10, 20], [99, 99]]], np.float32)
    assert around(keypoints, np.array([[0.9, 0.5, 0.1]], np.float32), 0.2).tolist() == [[0, 0, 10, 20]]
    assert around(keypoints, np.array([[0.1, 0.1, 0.1]], np.float32), 0.2).tolist() == [[0, 0, 99, 99]]


def test_oks_is_cocos() -> None:
    """All 17 joints 5 pixels off at an area of 10,000: 0.8711549523, computed with pycocotools."""
    pair = poses((0, 1), (5, 1))
    assert pose_oks(pair, pair, COCO17)[0, 1] == pytest.approx(0.8711549523, abs=1e-6)
    assert np.diag(pose_oks(pair, pair, COCO17)) == pytest.approx([1, 1])


def test_oks_counts_joints_that_both_found() -> None:
    pair = poses((0, 1), (0, 1))
    pair.keypoint_scores[0, 5:] = 0
    pair.keypoints[1, 5:] += 500
    assert pose_oks(pair, pair, COCO17)[0, 1] == pytest.approx(1)


def test_a_skeleton_without_sigmas_of_its_own_is_compared_by_those_of_cocos_joints() -> None:
    shared = [COCO17.joints.index(joint) for joint in LSP14.joints[:12]]  # all but the neck and the head's top
    pair = poses((0, 1), (5, 1))
    without = [0, 0]  # two joints that were not found
    limbs = Poses(
        pair.keypoints[:, shared + without],
        pair.keypoint_scores[:, shared + without] * np.array([1] * 12 + [0] * 2, np.float32),
        pair.boxes_xyxy,
        pair.scores,
    )
    alike = np.exp(-(5**2) / (2 * 100**2 * (2 * COCO17.sigmas[shared]) ** 2)).mean()
    assert pose_oks(limbs, limbs, LSP14)[0, 1] == pytest.approx(alike, abs=1e-6)


@pytest.mark.parametrize("suppressed", [lambda p: suppress_poses(p, COCO17, 0.7), suppress_parametric])
def test_a_person_posed_twice_is_one_and_a_neighbour_stays(suppressed: object) -> None:
    assert callable(suppressed)
    kept = suppressed(poses((0, 0.5), (1, 0.9), (150, 0.3)))
    assert kept.scores == pytest.approx([0.9, 0.3])


@pytest.mark.parametrize("suppressed", [lambda p: suppress_poses(p, COCO17, 0.7), suppress_parametric])
def test_nobody_stays_nobody(suppressed: object) -> None:
    assert callable(suppressed)
    assert len(suppressed(Poses.none(17))) == 0


def test_the_parametric_measure_is_the_published_one() -> None:
    """Two equal poses: tanh(c)^2 for each joint and mu for each, against gamma."""
    twins = poses((0, 0.8), (0, 0.8))
    similarity = 17 * (np.tanh(0.8) ** 2 + 1.7)
    assert len(suppress_parametric(twins, Parametric(1.0, 1.7, 2.65, threshold=similarity + 0.01))) == 2
    assert len(suppress_parametric(twins, Parametric(1.0, 1.7, 2.65, threshold=similarity - 0.01))) == 1
