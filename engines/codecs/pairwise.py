"""The probability that two detections are of one person, from predicted offsets between parts.

Insafutdinov et al. 2016 ("DeeperCut"), section 4: the cell of a part predicts the offsets to all other parts of its
person. The features of a pair are the errors of both predictions, from a to b and back, in length and in angle, and
exp(-x) of each of the four; a logistic regression for each pair of parts turns them into a probability. Two detections
of the same part are of one person if they are near each other.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from posestream.engines.codecs.pairwise_table import PairTable, Reals, pair_index
from posestream.engines.results import Floats

# Log odds of two detections of the same part, from the authors' code: 7.5 - 0.2 px, 0 at 37.5 px.
_SAME_AT_0_PX, _SAME_PER_PX = 7.5, 0.2


def predicted(
    maps: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    joints: NDArray[np.intp],
    of: PairTable,
) -> Floats:
    """The offsets (D, K, 2) float32 in pixels from D cells of `joints` (D,) to all joints of the same person.

    `maps` (2 K (K - 1), h, w) are normalised offsets, x and y in turn. The offset to the cell's own joint is 0.
    """
    pairs = pair_index(of.joints)[joints]
    normalised = np.stack([maps[2 * pairs + axis, rows[:, None], columns[:, None]] for axis in (0, 1)], axis=-1)
    pixels: Floats = (normalised * of.stds[joints] + of.means[joints]).astype(np.float32)
    pixels[pairs < 0] = 0
    return pixels


def features(there: Reals, predicted_there: Reals, back: Reals, predicted_back: Reals) -> Reals:
    """The features (..., 8) of a pair, from offsets (..., 2) `there`, first part to second, and `back`.

    Distances in pixels between offset and prediction there and back, angles in radians between them there and back, and
    exp(-x) of the four in that order.
    """
    distances = [np.linalg.norm(there - predicted_there, axis=-1), np.linalg.norm(back - predicted_back, axis=-1)]
    angles = [_angle(there, predicted_there), _angle(back, predicted_back)]
    errors = np.stack([*distances, *angles], axis=-1)
    return np.concatenate([errors, np.exp(-errors)], axis=-1)


def _angle(a: Reals, b: Reals) -> Reals:
    """The angle between vectors (..., 2), 0 to pi; 0 if one has length 0."""
    cross = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    angle: Reals = np.abs(np.arctan2(cross, (a * b).sum(axis=-1)))
    return angle


def same_person(centres: Floats, places: Floats, joints: NDArray[np.intp], offsets: Floats, of: PairTable) -> Reals:
    """The probabilities (D, D) float64 that two detections are of one person; symmetric, the diagonal is undefined.

    `centres` (D, 2) are the pixels of the detections' cells, `places` (D, 2) their refined places, `joints` (D,) their
    joints, `offsets` (D, K, 2) the predicted offsets from each cell to all joints.
    """
    real = np.asarray(places[None] - centres[:, None], np.float64)
    predictions = np.asarray(offsets[:, joints], np.float64)
    swapped = (1, 0, 2)
    values = features(real, predictions, real.transpose(swapped), predictions.transpose(swapped))
    weights = of.weights[joints[:, None], joints[None]]
    odds = (values * weights[..., :8]).sum(axis=-1) + weights[..., 8]
    odds = np.where(joints[:, None] < joints[None], odds, odds.T)
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    same = _SAME_AT_0_PX - _SAME_PER_PX * distances
    probability: Reals = expit(np.where(joints[:, None] == joints[None], same, odds))
    return probability
