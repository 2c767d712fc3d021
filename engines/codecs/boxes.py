"""Boxes: overlap, suppression of those found twice, and the box around joints."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.geometry import to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Boxes, Floats


def iou(a_xyxy: Floats, b_xyxy: Floats) -> Floats:
    """Intersection over union of every box of A with every box of B: (A, B) float32; empty boxes overlap nothing."""
    low = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    high = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    both = np.maximum(high - low, 0).prod(axis=-1)
    either = area(a_xyxy)[:, None] + area(b_xyxy)[None] - both
    return np.asarray(np.divide(both, either, out=np.zeros_like(both), where=either > 0), np.float32)


def area(xyxy: Floats) -> Floats:
    """Area of boxes (N, 4), (N,) float32."""
    return np.asarray(np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0).prod(axis=1), np.float32)


def greedy(similarity: NDArray[Any], scores: Floats, threshold: float) -> NDArray[np.intp]:
    """Indices of those kept, best first: the best is kept, all more than `threshold` like it go, and so on.

    `similarity` is (N, N), `scores` (N,). Of equal scores the earlier is better.
    """
    kept: list[int] = []
    alive = np.ones(len(scores), bool)
    for i in np.argsort(-scores, kind="stable"):
        if alive[i]:
            kept.append(int(i))
            alive &= similarity[i] <= threshold
    return np.array(kept, np.intp)


def suppress(boxes: Boxes, threshold: float, most: int) -> Boxes:
    """Non-maximum suppression: no two boxes left have an IoU above `threshold`; the `most` best, best first."""
    kept = greedy(iou(boxes.xyxy, boxes.xyxy), boxes.scores, threshold)[:most]
    return Boxes(boxes.xyxy[kept], boxes.scores[kept])


def boxes_to_frame(xyxy: NDArray[Any], region: Region, size_hw: tuple[int, int]) -> Floats:
    """Boxes (N, 4) in pixels of the input that `region` filled as upright boxes (N, 4) float32 in frame pixels."""
    corners = to_frame(xyxy[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2), region, size_hw)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def around(keypoints: Floats, keypoint_scores: Floats, least: float) -> Floats:
    """The boxes (N, 4) float32 around the joints (N, K, 2) with a score of `least` or more; around all where none has.

    In the same frame as the joints.
    """
    counted = keypoint_scores >= least
    counted[~counted.any(axis=1)] = True
    low = np.where(counted[..., None], keypoints, np.inf).min(axis=1)
    high = np.where(counted[..., None], keypoints, -np.inf).max(axis=1)
    return np.concatenate([low, high], axis=1).astype(np.float32)
