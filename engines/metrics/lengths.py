"""Reference lengths of people, the units of a joint's distance from the truth: (N,) float64 in pixels, each.

They are taken from the truth: the script of Convolutional Pose Machines takes the predicted torso, and so prints other
figures than its paper. NaN if the joints or boxes of a length are unlabelled; `pck.distances` ignores such people.
"""

import numpy as np
from numpy.typing import NDArray

from posestream.engines.skeletons import Skeleton

HEAD_BIAS = 0.6
"""Andriluka et al. 2014: the head's length in diagonals of its box. It is not the bone from neck to head top."""


def between(keypoints: NDArray[np.float64], skeleton: Skeleton, one: str, other: str) -> NDArray[np.float64]:
    """The distance of two joints. Raises ValueError where the skeleton lacks one."""
    a, b = skeleton.joints.index(one), skeleton.joints.index(other)
    length: NDArray[np.float64] = np.linalg.norm(keypoints[:, a] - keypoints[:, b], axis=-1)
    return length


def torso(keypoints: NDArray[np.float64], skeleton: Skeleton) -> NDArray[np.float64]:
    """The torso's diameter: from the left shoulder to the right hip (FLIC, LSP, MPII alike).

    Sapp & Taskar 2013, "MODEC"; PCK@0.2 of LSP takes the same two joints. Skeletons whose left is the observer's
    (`centric.observer_centric`) give the other diagonal for people seen from behind.
    """
    return between(keypoints, skeleton, "left shoulder", "right hip")


def box_side(keypoints: NDArray[np.float64]) -> NDArray[np.float64]:
    """The longer side of the box about the labelled joints (Yang & Ramanan 2013, PCK)."""
    side: NDArray[np.float64] = _extent(keypoints).max(axis=-1)
    return side


def box_diagonal(keypoints: NDArray[np.float64]) -> NDArray[np.float64]:
    """The diagonal of the box about the labelled joints."""
    length: NDArray[np.float64] = np.linalg.norm(_extent(keypoints), axis=-1)
    return length


def head(heads_xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """0.6 times the diagonal of the head's box, (N, 4) -> (N,)."""
    boxes = np.asarray(heads_xyxy, np.float64)
    length: NDArray[np.float64] = HEAD_BIAS * np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=-1)
    return length


def _extent(keypoints: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2) width and height of the box about the labelled joints, NaN without any."""
    unlabelled = np.isnan(keypoints).all(axis=1)
    low = np.where(np.isnan(keypoints), np.inf, keypoints).min(axis=1, initial=np.inf)
    high = np.where(np.isnan(keypoints), -np.inf, keypoints).max(axis=1, initial=-np.inf)
    return np.where(unlabelled, np.nan, high - np.where(unlabelled, 0, low))
