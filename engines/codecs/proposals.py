"""Pose-guided proposals: true boxes with the errors of a detector, for training.

Fang et al. 2017, "RMPE: Regional Multi-Person Pose Estimation", section 3.3. The paper draws offsets from a
distribution for each kind of pose; its code, the source of these numbers, from one for all.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Floats


class Offset(NamedTuple):
    """The normal distribution of an edge's offset, in widths or heights of the true box."""

    mean: float
    deviation: float


EDGES = (Offset(-0.0142, 0.1158), Offset(0.0043, 0.068), Offset(0.0154, 0.1337), Offset(-0.0013, 0.0711))
"""Of the left, top, right and bottom edge, in AlphaPose's release."""

_WHOLE = 0.85  # probability of a box of the whole person
_MIN_PART_SIDE = 0.7  # of a part's side, in sides of the box


def propose(boxes_xyxy: Floats, random: np.random.Generator, parts: float = 1 - _WHOLE) -> Floats:
    """A proposal (N, 4) for each box (N, 4): left, top, right, bottom, in the same pixels; never empty.

    With probability `parts` it is a part of the box with 0.7 to 1 times its sides, else the box with its edges moved.
    """
    return np.where(
        random.random((len(boxes_xyxy), 1)) < parts, _parts(boxes_xyxy, random), _moved(boxes_xyxy, random)
    ).astype(np.float32)


def _parts(boxes_xyxy: Floats, random: np.random.Generator) -> NDArray[np.float64]:
    sides = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    part = sides * random.uniform(_MIN_PART_SIDE, 1, sides.shape)
    low = boxes_xyxy[:, :2] + random.random(sides.shape) * (sides - part)
    return np.concatenate([low, low + part], axis=1)


def _moved(boxes_xyxy: Floats, random: np.random.Generator) -> NDArray[np.float64]:
    sides = np.tile(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 2)
    means, deviations = np.array(EDGES).T
    edges = boxes_xyxy + random.normal(means, deviations, sides.shape) * sides
    return np.concatenate([np.minimum(edges[:, :2], edges[:, 2:] - 1), np.maximum(edges[:, 2:], edges[:, :2] + 1)], 1)
