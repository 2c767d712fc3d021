"""Observer-centric labels: left and right of the image instead of the person's own.

FLIC and early work on LSP are observer-centric; most data is person-centric.
"""

import numpy as np
from numpy.typing import NDArray

from posestream.engines.skeletons import Skeleton


def observer_centric(keypoints: NDArray[np.float64], skeleton: Skeleton) -> NDArray[np.float64]:
    """A copy with left and right swapped for people whose right shoulder is to the right of their left one.

    FLIC's people were made observer-centric by this rule for evaluation (48 of the 1,016 of its test set).
    """
    right, left = skeleton.joints.index("right shoulder"), skeleton.joints.index("left shoulder")
    turned = keypoints[:, right, 0] > keypoints[:, left, 0]
    return np.where(turned[:, None, None], keypoints[:, skeleton.mirror], keypoints)
