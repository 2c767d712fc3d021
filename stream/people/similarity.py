"""How alike poses are: joint by joint, scaled by the person's size, and as boxes."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Floats, Poses

Doubles: TypeAlias = NDArray[np.float64]


def sizes_px(boxes_xyxy: Floats) -> Doubles:
    """(N,) the side in pixels of a square as large as each box; a thin box counts as at least 1 : 4."""
    sides = np.maximum(boxes_xyxy[:, 2:].astype(np.float64) - boxes_xyxy[:, :2], 0.0)
    sizes = np.maximum(np.sqrt(sides.prod(axis=1)), sides.max(axis=1, initial=0.0) / 2)
    return np.asarray(np.maximum(sizes, 1.0))


def iou(a_xyxy: Floats, b_xyxy: Floats, spread_px: Doubles | float = 0.0) -> Doubles:
    """(A, B) intersection over union of boxes in pixels.

    `spread_px`, one for each of `a`, widens both boxes on all sides: Yang et al. 2023, "Hard to Track Objects with
    Irregular Motions and Similar Appearances? Make It Easier by Buffering the Matching Space", eq. 1.
    """
    spread = np.broadcast_to(np.asarray(spread_px, np.float64), len(a_xyxy))[:, None, None]
    a, b = a_xyxy.astype(np.float64)[:, None], b_xyxy.astype(np.float64)[None]
    a_low, a_high, b_low, b_high = a[..., :2] - spread, a[..., 2:] + spread, b[..., :2] - spread, b[..., 2:] + spread
    shared = np.clip(np.minimum(a_high, b_high) - np.maximum(a_low, b_low), 0.0, None).prod(axis=-1)
    areas = np.clip(a_high - a_low, 0.0, None).prod(axis=-1) + np.clip(b_high - b_low, 0.0, None).prod(axis=-1)
    return np.asarray(shared / np.maximum(areas - shared, 1e-9))


def oks(a: Poses, b: Poses, sigmas: Doubles, spread_px: Doubles | float = 0.0) -> Doubles:
    """(A, B) object keypoint similarity, 0-1: COCO's, mean over joints of exp(-d^2 / (2 (2 sigma size)^2)).

    Between two predictions: size^2 is the mean of both, and joints weigh as much as the less sure of the two scores.
    `spread_px`, one for each of `a`, is how uncertain its place is, and adds to the fall-off as a variance does.
    """
    spread = np.broadcast_to(np.asarray(spread_px, np.float64), len(a))[:, None, None]
    apart = a.keypoints[:, None].astype(np.float64) - b.keypoints[None]
    size2 = (sizes_px(a.boxes_xyxy)[:, None] ** 2 + sizes_px(b.boxes_xyxy)[None] ** 2) / 2
    variances = (2 * sigmas) ** 2 * size2[..., None] + spread**2
    weights = np.minimum(a.keypoint_scores[:, None], b.keypoint_scores[None]).clip(1e-6)
    near = np.exp(-(apart**2).sum(axis=-1) / (2 * variances))
    return np.asarray((weights * near).sum(axis=-1) / weights.sum(axis=-1))


def likeness(a: Poses, b: Poses, sigmas: Doubles, spread_px: Doubles | float = 0.0) -> Doubles:
    """(A, B) mean of `oks` and `iou`, 0-1. Joints tell people apart, boxes hold when limbs are fast or wrong."""
    return np.asarray((oks(a, b, sigmas, spread_px) + iou(a.boxes_xyxy, b.boxes_xyxy, spread_px)) / 2)
