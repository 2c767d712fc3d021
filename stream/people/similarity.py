"""Similarity of poses: of their joints (OKS) and of their boxes (IoU)."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs import boxes
from posestream.engines.oks import keypoint_similarity
from posestream.engines.results import Floats, Poses

Doubles: TypeAlias = NDArray[np.float64]


def sizes_px(boxes_xyxy: Floats) -> Doubles:
    """(N,) the side in pixels of a square as large as each box; a thin box counts as at least 1 : 4."""
    sides = np.maximum(boxes_xyxy[:, 2:].astype(np.float64) - boxes_xyxy[:, :2], 0.0)
    sizes = np.maximum(np.sqrt(sides.prod(axis=1)), sides.max(axis=1, initial=0.0) / 2)
    return np.asarray(np.maximum(sizes, 1.0))


def iou(a_xyxy: Floats, b_xyxy: Floats, spread_px: Doubles | float = 0.0) -> Doubles:
    """(A, B) intersection over union of boxes in pixels.

    `spread_px`, scalar or (A,), widens both boxes on all sides: Yang et al. 2023, "Hard to Track Objects with Irregular
    Motions and Similar Appearances? Make It Easier by Buffering the Matching Space", eq. 1.
    """
    widening = np.asarray(spread_px, np.float64)[..., None, None] * np.array([-1.0, -1.0, 1.0, 1.0])
    return boxes.iou(a_xyxy[:, None] + widening, b_xyxy[None] + widening)


def oks(a: Poses, b: Poses, sigmas: Doubles, spread_px: Doubles | float = 0.0) -> Doubles:
    """(A, B) object keypoint similarity of two predictions, 0-1 (`engines.oks`).

    The area is the mean of both squared sizes; a joint weighs as much as the lower of its two scores. `spread_px`,
    scalar or (A,), is the standard deviation of the place of each of `a`.
    """
    offsets = a.keypoints[:, None].astype(np.float64) - b.keypoints[None]
    areas = (sizes_px(a.boxes_xyxy)[:, None] ** 2 + sizes_px(b.boxes_xyxy)[None] ** 2) / 2
    weights = np.minimum(a.keypoint_scores[:, None], b.keypoint_scores[None]).clip(1e-6)
    return keypoint_similarity(offsets, weights, areas, sigmas, np.asarray(spread_px, np.float64)[..., None])


def similarity(a: Poses, b: Poses, sigmas: Doubles, spread_px: Doubles | float = 0.0) -> Doubles:
    """(A, B) mean of `oks` and `iou`, 0-1. Joints tell people apart, boxes hold when limbs are fast or wrong."""
    return np.asarray((oks(a, b, sigmas, spread_px) + iou(a.boxes_xyxy, b.boxes_xyxy, spread_px)) / 2)
