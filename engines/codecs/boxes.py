"""Boxes: overlap, non-maximum suppression, and the box around joints."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from posestream.engines.geometry import to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Boxes, Floats

Real = TypeVar("Real", np.float32, np.float64)


def iou(a_xyxy: NDArray[Real], b_xyxy: NDArray[Real]) -> NDArray[Real]:
    """Intersection over union of boxes (..., 4), (...) by broadcasting, in their dtype; 0 where both are empty.

    Every box of A with every box of B: `iou(a[:, None], b[None])`.
    """
    low = np.maximum(a_xyxy[..., :2], b_xyxy[..., :2])
    high = np.minimum(a_xyxy[..., 2:], b_xyxy[..., 2:])
    intersection = np.maximum(high - low, 0).prod(axis=-1)
    union = area(a_xyxy) + area(b_xyxy) - intersection
    ratio: NDArray[Real] = np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
    return ratio


def area(xyxy: NDArray[Real]) -> NDArray[Real]:
    """Area of boxes (..., 4), (...), in their dtype."""
    sides: NDArray[Real] = np.maximum(xyxy[..., 2:] - xyxy[..., :2], 0)
    return np.asarray(sides.prod(axis=-1), sides.dtype)


def greedy(similarity: NDArray[Any], scores: Floats, threshold: float) -> NDArray[np.intp]:
    """Greedy NMS: the best is kept, all more than `threshold` similar to it go, and so on. Indices kept, best first.

    `similarity` is (N, N), `scores` (N,). Of equal scores the earlier is better.
    """
    kept: list[int] = []
    alive = np.ones(len(scores), bool)
    for i in np.argsort(-scores, kind="stable"):
        if alive[i]:
            kept.append(int(i))
            alive &= similarity[i] <= threshold
    return np.array(kept, np.intp)


def suppress(boxes: Boxes, threshold: float, max_boxes: int) -> Boxes:
    """NMS: no two boxes left have an IoU above `threshold`; at most the best `max_boxes`, best first."""
    overlaps = iou(boxes.xyxy[:, None], boxes.xyxy[None])
    kept = greedy(overlaps, boxes.scores, threshold)[:max_boxes]
    return Boxes(boxes.xyxy[kept], boxes.scores[kept])


def boxes_to_frame(xyxy: NDArray[Any], region: Region, size_hw: tuple[int, int]) -> Floats:
    """Boxes (N, 4) in pixels of the input of `region` -> upright boxes (N, 4) float32 in frame pixels."""
    corners = to_frame(xyxy[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2), region, size_hw)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def around(keypoints: Floats, keypoint_scores: Floats, min_score: float) -> Floats:
    """The boxes (N, 4) float32 around the joints (N, K, 2) that score `min_score` or more, or else around all joints.

    The coordinate frame is that of the joints.
    """
    counted = keypoint_scores >= min_score
    counted[~counted.any(axis=1)] = True
    low = np.where(counted[..., None], keypoints, np.inf).min(axis=1)
    high = np.where(counted[..., None], keypoints, -np.inf).max(axis=1)
    return np.concatenate([low, high], axis=1).astype(np.float32)
