"""Whose left: the person's own, or the observer's.

FLIC and early work on LSP name the arm on the left of the picture, as the observer sees it, the other arm of a person
who faces the camera; most data names the person's own (person-centric).
"""

import numpy as np
from numpy.typing import NDArray

from posestream.engines.skeletons import Skeleton


def observer_centric(keypoints: NDArray[np.float64], skeleton: Skeleton) -> NDArray[np.float64]:
    """A copy in which left and right are exchanged of those whose right shoulder is right of their left one.

    The rule with which FLIC's people were made observer-centric for evaluation (48 of the 1,016 of its test set).
    """
    right, left = skeleton.joints.index("right shoulder"), skeleton.joints.index("left shoulder")
    turned = keypoints[:, right, 0] > keypoints[:, left, 0]
    return np.where(turned[:, None, None], keypoints[:, skeleton.mirror], keypoints)
