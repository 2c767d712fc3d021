"""Two runs side by side: is the difference more than chance would make of these images?

A paired bootstrap (Efron & Tibshirani 1993, chapter 8): images, or single people, are drawn with replacement a thousand
times, both runs are scored on each draw, and the middle 95 % of the differences are the interval.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posestream.engines.metrics import coco_ap
from tools.datasets import DatasetError
from tools.evaluate.published_predictions import Scored

DRAWS = 1000
_MIDDLE = (2.5, 97.5)
_SEED = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """Of `figure` from the second run to the first, as measured, and the 95 % interval of its bootstrap."""

    figure: str
    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return {"figure": self.figure, "value": self.value, "low": self.low, "high": self.high}

    def __str__(self) -> str:
        sure = "" if self.low <= 0 <= self.high else ", more than chance"
        return f"{self.figure} {self.value:+.4g} (95 %: {self.low:+.4g} to {self.high:+.4g}{sure})"


def difference(one: Scored, other: Scored) -> Difference:
    """By COCO's AP, or the pooled mean. Raises DatasetError where the two cannot be paired."""
    if one.outcomes is not None and other.outcomes is not None:
        return _of_outcomes(one.outcomes, other.outcomes, len(one.truth.images), [i.number for i in one.truth.images])
    if one.score is None or other.score is None or one.score.units is None or other.score.units is None:
        raise DatasetError(f"--against: no interval is made for {one.how.metric} of {one.truth.name}")
    if one.score.names != other.score.names:
        raise DatasetError("--against: the two predict different joints: name those of both with --joints")
    rights = [
        each.score.units <= each.how.threshold for each in (one, other) if each.score and each.score.units is not None
    ]
    counted = ~np.isnan(one.score.units)

    def pooled(people: NDArray[np.intp]) -> float:
        first, second = (int((right & counted)[people].sum()) for right in rights)
        return 100 * (first - second) / max(int(counted[people].sum()), 1)

    return _bootstrap("pooled mean", pooled, len(counted))


def _of_outcomes(
    ones: list[coco_ap.Outcome], others: list[coco_ap.Outcome], images: int, numbers: list[int]
) -> Difference:
    first, second = ({outcome.image: outcome for outcome in outcomes} for outcomes in (ones, others))

    def ap(drawn: NDArray[np.intp]) -> float:
        which = [numbers[i] for i in drawn]
        return _ap(first, which) - _ap(second, which)

    return _bootstrap("AP", ap, images)


def _ap(outcomes: dict[int, coco_ap.Outcome], which: list[int]) -> float:
    """COCO's AP of a draw; images in which nobody is or was found change nothing."""
    return coco_ap.figures([outcomes[number] for number in which if number in outcomes])["AP"]


def _bootstrap(figure: str, measured: Callable[[NDArray[np.intp]], float], count: int) -> Difference:
    rng = np.random.default_rng(_SEED)
    draws = [measured(rng.integers(0, count, count)) for _ in range(DRAWS)]
    low, high = np.percentile(draws, _MIDDLE)
    return Difference(figure, measured(np.arange(count)), float(low), float(high))
