"""OKS, object keypoint similarity: how alike two poses are, 1 to 0, given the person's size and each joint's slack.

COCO's keypoint evaluation: the mean over labelled joints of exp(-d^2 / (2 s^2 k^2)), with d the distance, s^2 the
person's area and k twice the joint's standard deviation (`Skeleton.sigmas`). Pose NMS has a relative of it, which takes
the area of both poses (`engines.codecs.pose_nms`).
"""

import numpy as np
from numpy.typing import NDArray


def oks(
    found: NDArray[np.float64],
    truth: NDArray[np.float64],
    labelled: NDArray[np.bool_],
    areas_px2: NDArray[np.float64],
    boxes_xyxy: NDArray[np.float64],
    sigmas: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(D, G) float64 of D poses found, (D, K, 2), and G people, (G, K, 2) with joints `labelled` (G, K).

    `areas_px2` (G,) are those of the people's segments, `boxes_xyxy` (G, 4) their boxes. Of a person without any
    labelled joint the distance is to the box of three times the size about the box: poses that are outside of it are
    unlike, and those inside it alike, so that they are not counted as false.
    """
    low = 2 * boxes_xyxy[:, None, :2] - boxes_xyxy[:, None, 2:]  # of the box of three times the size
    high = 2 * boxes_xyxy[:, None, 2:] - boxes_xyxy[:, None, :2]
    unseen = np.logical_not(labelled.any(axis=1))
    apart = found[:, None] - truth
    beyond = np.maximum(0, low - found[:, None]) + np.maximum(0, found[:, None] - high)
    apart = np.where(unseen[:, None, None], beyond, apart)
    variances = (2 * sigmas) ** 2
    energies = (apart**2).sum(axis=-1) / variances / (areas_px2[:, None] + np.spacing(1)) / 2
    counts = labelled | unseen[:, None]
    likeness: NDArray[np.float64] = (np.exp(-energies) * counts).sum(axis=-1) / counts.sum(axis=-1)
    return likeness
