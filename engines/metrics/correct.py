"""Counts of correct joints, and the two means that papers print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Correct:
    """The numbers of `counted` and of `right` ones among them, (K,) int64 each, of the joints or limbs `names`."""

    names: tuple[str, ...]
    right: NDArray[np.int64]
    counted: NDArray[np.int64]

    @property
    def percent(self) -> NDArray[np.float64]:
        """(K,) 0 to 100, NaN if none was counted."""
        share = np.full(len(self.names), np.nan)
        np.divide(self.right, self.counted, out=share, where=self.counted > 0)
        return 100 * share

    @property
    def mean_pooled(self) -> float:
        """Percent over all counted joints, so that joints labelled often weigh more: HRNet's and mmpose's mean."""
        counted = int(self.counted.sum())
        return 100 * int(self.right.sum()) / counted if counted else float("nan")

    @property
    def mean_unweighted(self) -> float:
        """The mean of `percent` over joints that were counted, as in PyraNet's and its successors' scripts."""
        percent = self.percent[self.counted > 0]
        return float(percent.mean()) if len(percent) else float("nan")

    def only(self, names: Sequence[str]) -> "Correct":
        """The counts of some joints, in that order. Raises ValueError where one is missing."""
        index = [self.names.index(name) for name in names]
        return Correct(tuple(names), self.right[index], self.counted[index])

    def columns(self, groups: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """Percent by column of a paper's table: the mean of the percents of its joints, such as left and right.

        Columns with a missing joint are omitted; joints never counted do not enter a mean.
        """
        percents = dict(zip(self.names, self.percent, strict=True))
        complete = {column: joints for column, joints in groups.items() if all(joint in percents for joint in joints)}
        return {column: _mean([percents[joint] for joint in joints]) for column, joints in complete.items()}


def _mean(percents: Sequence[float]) -> float:
    known = [percent for percent in percents if not np.isnan(percent)]
    return float(np.mean(known)) if known else float("nan")


def of(names: Sequence[str], right: NDArray[np.bool_], counted: NDArray[np.bool_]) -> Correct:
    """The counts of masks (N, K) over people."""
    return Correct(tuple(names), (right & counted).sum(axis=0, dtype=np.int64), counted.sum(axis=0, dtype=np.int64))
