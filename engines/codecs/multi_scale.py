"""Multi-scale test: a person is seen at several sizes, and the maps of all are averaged in one frame.

Wei et al. 2016, "Convolutional Pose Machines": 0.7 to 1.3 in steps of 0.1; others take 0.8 to 1.3.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from engines.plan import Region
from engines.results import Floats

CPM_SCALES = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
PYRANET_SCALES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)


def at_scale(region: Region, scale: float) -> Region:
    """The region about the same centre in which everything looks `scale` times as large."""
    width, height = region.width_px / scale, region.height_px / scale
    left = region.x_px + (region.width_px - width) / 2
    top = region.y_px + (region.height_px - height) / 2
    return region._replace(x_px=left, y_px=top, width_px=width, height_px=height)


def mean_over_scales(looks: Sequence[Floats], scales: Sequence[float]) -> Floats:
    """Maps (N, K, h, w) of each scale, of regions made with `at_scale`, -> their mean in the frame of scale 1.

    Cells that a larger look does not show count as 0 there.
    """
    if len(looks) != len(scales) or not looks:
        raise ValueError(f"{len(looks)} looks at {len(scales)} scales: give one for each, and one at least")
    people, joints, height, width = looks[0].shape
    total = np.zeros((people * joints, height, width), np.float32)
    for maps, scale in zip(looks, scales, strict=True):
        total += np.stack([_about_centre(one, scale) for one in maps.reshape(total.shape)])
    return np.asarray(total / len(scales), np.float32).reshape(people, joints, height, width)


def _about_centre(one: Floats, scale: float) -> Floats:
    """A map (h, w) whose cell p shows what was at `scale` times its distance from the middle."""
    height, width = one.shape
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    back = np.array([[scale, 0, middle_x * (1 - scale)], [0, scale, middle_y * (1 - scale)]])
    return np.asarray(
        cv2.warpAffine(one, back, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), np.float32
    )
