"""Do two parts belong to the same person? Probabilities from predicted offsets between parts.

Insafutdinov et al. 2016 ("DeeperCut"), section 4: from its cell a part predicts where all other parts of its person
are. Features of a pair are how far this and the way back miss the other part, in length and in angle, and exp(-x) of
each of the four; a logistic regression for each pair of parts makes a probability of them. Two detections of the same
part belong together where they are near.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from posestream.engines.results import Floats

Reals = NDArray[np.float64]

_SAME_PER_PX, _SAME_AT = 0.2, 7.5  # parts of a kind, from the authors' code: even odds 37.5 px apart


def pair_index(joints: int) -> NDArray[np.intp]:
    """(K, K) intp: which of the K (K - 1) ordered pairs "from a to b" is; -1 on the diagonal. As the authors order."""
    a, b = np.mgrid[:joints, :joints]
    index = (joints - 1) * a + b - (a < b)
    np.fill_diagonal(index, -1)
    return np.asarray(index, np.intp)


@dataclass(frozen=True, eq=False)
class PairTable:
    """What was learned of pairs of K joints.

    `means`, `stds` (K, K, 2) are of the offsets from joint a to joint b, x and y, in pixels of people as large as the
    network saw them; `weights` (K, K, 9), for a < b, are of the eight features of `features` and a constant.

    The regressions that the authors publish do not fit in: they count distance and angle of each way in turn, scaled to
    0-1, and those for the Caffe networks measure from cell to cell, and the angle back from the opposite direction.
    """

    means: Reals
    stds: Reals
    weights: Reals

    @property
    def joints(self) -> int:
        return len(self.means)

    def pairs(self) -> tuple[Reals, Reals]:
        """Means and standard deviations, each (K (K - 1), 2), in the order of `pair_index`."""
        ordered = ~np.eye(self.joints, dtype=bool)
        return self.means[ordered], self.stds[ordered]


def table(rows: tuple[tuple[float, ...], ...], joints: int) -> PairTable:
    """A table from one row for each pair a < b, in lexical order: mean x, y, standard deviation x, y, nine weights.

    Raises ValueError for another number of rows.
    """
    pairs = list(combinations(range(joints), 2))
    if len(rows) != len(pairs):
        raise ValueError(f"{len(rows)} rows for {len(pairs)} pairs of {joints} joints")
    means, stds = np.zeros((joints, joints, 2)), np.ones((joints, joints, 2))
    weights = np.zeros((joints, joints, 9))
    values = np.array(rows)
    a, b = np.array(pairs).T
    means[a, b], means[b, a] = values[:, :2], -values[:, :2]
    stds[a, b] = stds[b, a] = values[:, 2:4]
    weights[a, b] = values[:, 4:]
    return PairTable(means, stds, weights)


def predicted(
    maps: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    joints: NDArray[np.intp],
    of: PairTable,
) -> Floats:
    """Where D cells of `joints` (D,) predict all joints of their person: (D, K, 2) float32 pixels from the cell.

    `maps` (2 K (K - 1), h, w) are normalised offsets, x and y in turn. Of the own joint nothing is predicted: 0.
    """
    pairs = pair_index(of.joints)[joints]
    normalised = np.stack([maps[2 * pairs + axis, rows[:, None], columns[:, None]] for axis in (0, 1)], axis=-1)
    pixels: Floats = (normalised * of.stds[joints] + of.means[joints]).astype(np.float32)
    pixels[pairs < 0] = 0
    return pixels


def features(there: Reals, predicted_there: Reals, back: Reals, predicted_back: Reals) -> Reals:
    """(..., 8) of offsets (..., 2) from the first part to the second, real and predicted, and from the second back.

    Distances in pixels there and back, angles in radians there and back, and exp(-x) of the four in that order.
    """
    missed = [np.linalg.norm(there - predicted_there, axis=-1), np.linalg.norm(back - predicted_back, axis=-1)]
    turned = [_angle(there, predicted_there), _angle(back, predicted_back)]
    plain = np.stack([*missed, *turned], axis=-1)
    return np.concatenate([plain, np.exp(-plain)], axis=-1)


def _angle(a: Reals, b: Reals) -> Reals:
    """Between vectors (..., 2), 0 to pi; 0 where one has no length."""
    cross = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    angle: Reals = np.abs(np.arctan2(cross, (a * b).sum(axis=-1)))
    return angle


def together(centres: Floats, places: Floats, joints: NDArray[np.intp], aims: Floats, of: PairTable) -> Reals:
    """The probability that two detections are of one person, (D, D) float64, symmetric; the diagonal means nothing.

    `centres` (D, 2) are the pixels of the detections' cells, `places` (D, 2) where they are after refinement, `joints`
    (D,) what they are, `aims` (D, K, 2) where their cells predict the other joints, from the centre.
    """
    real = np.asarray(places[None] - centres[:, None], np.float64)
    aimed = np.asarray(aims[:, joints], np.float64)
    swapped = (1, 0, 2)
    values = features(real, aimed, real.transpose(swapped), aimed.transpose(swapped))
    weights = of.weights[joints[:, None], joints[None]]
    odds = (values * weights[..., :8]).sum(axis=-1) + weights[..., 8]
    odds = np.where(joints[:, None] < joints[None], odds, odds.T)
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    same = _SAME_AT - _SAME_PER_PX * apart
    probability: Reals = expit(np.where(joints[:, None] == joints[None], same, odds))
    return probability
