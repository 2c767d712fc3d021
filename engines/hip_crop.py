"""MoveNet's crop rule: the extent of a person about the middle of the hips.

TensorFlow, "MoveNet: Ultra fast and accurate pose detection model", `determine_crop_region`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Floats

VIDEO_SCALES = 1.9, 1.2
"""MoveNet's own factors of the torso's and the body's extent, which leave room for motion."""
IMAGE_SCALES = 1.6, 1.1
"""The factors for the same frame, 0.01 to 0.02 AP better on images than those for video."""


def hip_crop(
    keypoints: Floats,
    hips: Sequence[int],
    shoulders: Sequence[int],
    body: NDArray[np.bool_],
    scales: tuple[float, float],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The centre (2,) of the hips and the sides (2,) of a crop about it, x and y in the pixels of `keypoints` (K, 2).

    Half a side is the larger of the extent of hips and shoulders times the torso's factor of `scales`, and that of the
    joints `body` (K,) times the body's. `hips` and `shoulders` are indices of joints, at least one each.
    """
    torso_scale, body_scale = scales
    centre = keypoints[hips].mean(axis=0, dtype=np.float64)
    extents = np.abs(keypoints - centre)
    torso, whole = extents[[*hips, *shoulders]].max(axis=0), extents[body].max(axis=0)
    return centre, 2 * np.maximum(torso * torso_scale, whole * body_scale)
