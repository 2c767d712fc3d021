"""Statistics of pairs of joints, as DeeperCut's decoder needs them: offsets, and regression weights.

Insafutdinov et al. 2016 ("DeeperCut"), section 4; learned by `pairwise_fit`, used by `pairwise`.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posestream.engines.skeletons import Skeleton

Reals: TypeAlias = NDArray[np.float64]


def pair_index(joints: int) -> NDArray[np.intp]:
    """(K, K) intp index of the K (K - 1) ordered pairs "from a to b", in the authors' order; -1 on the diagonal."""
    a, b = np.mgrid[:joints, :joints]
    index = (joints - 1) * a + b - (a < b)
    np.fill_diagonal(index, -1)
    return np.asarray(index, np.intp)


@dataclass(frozen=True, eq=False)
class PairTable:
    """Statistics of all pairs of K joints.

    `means`, `stds` (K, K, 2) are of the offsets from joint a to joint b, x and y, in pixels of people at the network's
    size; `weights` (K, K, 9), for a < b, are of the eight features of `pairwise.features` and a constant.

    The authors' published regressions do not fit: they order distance and angle by direction, scaled to 0-1, and those
    for the Caffe networks measure from cell to cell, and the angle back from the opposite direction.
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


def table(rows: Sequence[ArrayLike], joints: int) -> PairTable:
    """A table from one row a pair a < b, in lexical order: mean x, y, standard deviation x, y, nine weights.

    Raises ValueError where the number of rows is not that of the pairs.
    """
    pairs = list(combinations(range(joints), 2))
    if len(rows) != len(pairs):
        raise ValueError(f"{len(rows)} rows for {len(pairs)} pairs of {joints} joints")
    means, stds = np.zeros((joints, joints, 2)), np.ones((joints, joints, 2))
    weights = np.zeros((joints, joints, 9))
    values = np.array(rows, np.float64)
    a, b = np.array(pairs).T
    means[a, b], means[b, a] = values[:, :2], -values[:, :2]
    stds[a, b] = stds[b, a] = values[:, 2:4]
    weights[a, b] = values[:, 4:]
    return PairTable(means, stds, weights)


def file_of(skeleton: Skeleton) -> Path:
    """The data file of a skeleton's table: comments (#), a line of column names, and a line for each row of `table`."""
    return Path(__file__).with_name(f"pairwise_{skeleton.name}.csv")


def rows_of(skeleton: Skeleton) -> list[list[float]]:
    """The rows of a skeleton's data file. Raises ValueError where the file is missing or its pairs are not in order."""
    if not file_of(skeleton).exists():
        raise ValueError(f"multicut: no pairwise table for {skeleton.name}: fit one with engines.codecs.pairwise_fit")
    with file_of(skeleton).open(newline="") as file:
        _names, *rows = csv.reader(line for line in file if not line.startswith("#"))
    if [(a, b) for a, b, *_ in rows] != list(combinations(skeleton.joints, 2)):
        raise ValueError(f"{file_of(skeleton)}: expected a row for each pair of joints of {skeleton.name}, in order")
    return [[float(value) for value in values] for _, _, *values in rows]


def read(skeleton: Skeleton) -> PairTable:
    """The table of a skeleton. Raises ValueError where the file is missing."""
    return table(rows_of(skeleton), len(skeleton))
