"""Multi-scale test: the mean of a person's maps over several sizes of the person, in the frame of scale 1.

Wei et al. 2016, "Convolutional Pose Machines": scales 0.7 to 1.3 in steps of 0.1; others take 0.8 to 1.3.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Floats


def mean_over_scales(by_scale: Sequence[Floats], scales: Sequence[float], centre: NDArray[np.float64]) -> Floats:
    """The mean map (N, K, h, w) at scale 1, from maps (N, K, h, w) of regions at each of `scales` (`at_scale`).

    `centre` is the place of the input's centre in a map, x and y in cells. Cells outside the region of a larger scale
    count as 0 there. Raises ValueError where the numbers of maps and scales differ or are 0.
    """
    if len(by_scale) != len(scales) or not by_scale:
        raise ValueError(f"maps of {len(by_scale)} scales, {len(scales)} scales: expected as many, and one at least")
    people, joints, height, width = by_scale[0].shape
    total = np.zeros((people * joints, height, width), np.float32)
    for maps, scale in zip(by_scale, scales, strict=True):
        flat = maps.reshape(total.shape)
        total += flat if scale == 1 else np.stack([_zoomed(one, scale, centre) for one in flat])
    return np.asarray(total / len(scales), np.float32).reshape(people, joints, height, width)


def _zoomed(one: Floats, scale: float, centre: NDArray[np.float64]) -> Floats:
    """A map (h, w) scaled by 1 / `scale` about `centre`; bilinear, 0 beyond the edges."""
    back = np.column_stack([np.eye(2) * scale, centre * (1 - scale)])
    size_wh = one.shape[::-1]
    return np.asarray(cv2.warpAffine(one, back, size_wh, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), np.float32)
