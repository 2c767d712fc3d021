"""OKS of poses against the truth, as in COCO's keypoint evaluation (`cocoeval`); the formula is in `engines.oks`."""

import numpy as np
from numpy.typing import NDArray

from posestream.engines.oks import keypoint_similarity


def coco_oks(
    found: NDArray[np.float64],
    truth: NDArray[np.float64],
    labelled: NDArray[np.bool_],
    areas_px2: NDArray[np.float64],
    boxes_xyxy: NDArray[np.float64],
    sigmas: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(D, G) float64 of D poses `found` (D, K, 2) and G people `truth` (G, K, 2) with joints `labelled` (G, K).

    `areas_px2` (G,) are the areas of the people's segments, `boxes_xyxy` (G, 4) their boxes. For a person without a
    labelled joint the offsets are those from the box scaled by three about its centre: poses inside it have similarity
    1, so that they are not counted as false.
    """
    low = 2 * boxes_xyxy[:, None, :2] - boxes_xyxy[:, None, 2:]  # of the box scaled by three
    high = 2 * boxes_xyxy[:, None, 2:] - boxes_xyxy[:, None, :2]
    beyond = np.maximum(0, low - found[:, None]) + np.maximum(0, found[:, None] - high)
    unlabelled = np.logical_not(labelled.any(axis=1))[:, None]
    offsets = np.where(unlabelled[..., None], beyond, found[:, None] - truth)
    return keypoint_similarity(offsets, labelled | unlabelled, areas_px2 + np.spacing(1), sigmas)
