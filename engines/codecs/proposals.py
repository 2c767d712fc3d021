"""Pose-guided proposals: boxes off a person as detectors get them wrong, to train on.

Fang et al. 2017, "RMPE: Regional Multi-Person Pose Estimation", section 3.3. The paper draws offsets from a
distribution for each kind of pose; its code, whose figures these are, from one for all.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Floats


class Offset(NamedTuple):
    """A normal distribution of an edge's offset, in widths or heights of the true box."""

    mean: float
    deviation: float


EDGES = (Offset(-0.0142, 0.1158), Offset(0.0043, 0.068), Offset(0.0154, 0.1337), Offset(-0.0013, 0.0711))
"""Of left, top, right and bottom edges, in AlphaPose's release."""

_PATCHES = 0.85  # a number from 0 to 1 above this takes a part of the person instead
_LEAST_SIDE = 0.7  # of a part, relative to the box


def propose(boxes_xyxy: Floats, random: np.random.Generator, patches: float = 1 - _PATCHES) -> Floats:
    """A box for each of (N, 4): left, top, right, bottom, in the same pixels; never empty.

    With a probability of `patches` a part of 0.7 to 1 times the sides anywhere within it, else its edges moved.
    """
    return np.where(
        random.random((len(boxes_xyxy), 1)) < patches, _parts(boxes_xyxy, random), _moved(boxes_xyxy, random)
    ).astype(np.float32)


def _parts(boxes_xyxy: Floats, random: np.random.Generator) -> NDArray[np.float64]:
    sides = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    part = sides * random.uniform(_LEAST_SIDE, 1, sides.shape)
    low = boxes_xyxy[:, :2] + random.random(sides.shape) * (sides - part)
    return np.concatenate([low, low + part], axis=1)


def _moved(boxes_xyxy: Floats, random: np.random.Generator) -> NDArray[np.float64]:
    sides = np.tile(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 2)
    means, deviations = np.array(EDGES).T
    edges = boxes_xyxy + random.normal(means, deviations, sides.shape) * sides
    return np.concatenate([np.minimum(edges[:, :2], edges[:, 2:] - 1), np.maximum(edges[:, 2:], edges[:, :2] + 1)], 1)
