"""Multi-scale test: a person is seen at several sizes, and the maps of all are averaged in one frame.

Wei et al. 2016, "Convolutional Pose Machines": 0.7 to 1.3 in steps of 0.1; others take 0.8 to 1.3.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Floats


def mean_over_scales(looks: Sequence[Floats], scales: Sequence[float], middle: NDArray[np.float64]) -> Floats:
    """Maps (N, K, h, w) of each scale, of regions made with `geometry.at_scale`, -> their mean in the frame of scale 1.

    `middle` is where the centre of the input lies in a map, x and y in cells. Cells that a larger look does not show
    count as 0 there.
    """
    if len(looks) != len(scales) or not looks:
        raise ValueError(f"{len(looks)} looks at {len(scales)} scales: give one for each, and one at least")
    people, joints, height, width = looks[0].shape
    total = np.zeros((people * joints, height, width), np.float32)
    for maps, scale in zip(looks, scales, strict=True):
        flat = maps.reshape(total.shape)
        total += flat if scale == 1 else np.stack([_about(middle, one, scale) for one in flat])
    return np.asarray(total / len(scales), np.float32).reshape(people, joints, height, width)


def _about(middle: NDArray[np.float64], one: Floats, scale: float) -> Floats:
    """A map (h, w) whose cell p shows what was at `scale` times its distance from the middle."""
    back = np.column_stack([np.eye(2) * scale, middle * (1 - scale)])
    size_wh = one.shape[::-1]
    return np.asarray(cv2.warpAffine(one, back, size_wh, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), np.float32)
