"""A dataset's truth and predictions of it, by the metrics of papers, in the columns of their tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.metrics import lengths
from posestream.engines.metrics.centric import observer_centric
from posestream.engines.metrics.correct import Correct
from posestream.engines.metrics.pck import distances, pck
from posestream.engines.metrics.pckh import COLUMNS as PCKH_COLUMNS
from posestream.engines.metrics.pckh import SCORED, SERVER_COLUMNS
from posestream.engines.metrics.pcp import COLUMNS as PCP_COLUMNS
from posestream.engines.metrics.pcp import Variant, pcp
from tools.datasets import DatasetError
from tools.datasets.predictions import Predictions
from tools.datasets.records import Dataset

Columns = Mapping[str, Sequence[str]]

THRESHOLDS: Mapping[str, float] = {"pckh": 0.5, "pck": 0.2, "pdj": 0.2, "pcp": 0.5, "ap": 0.5}
"""By metric, where nobody says: those of the published tables."""

METRICS: Mapping[str, tuple[str, ...]] = {
    "mpii": ("pckh", "pck", "pdj", "pcp", "ap"),
    "flic": ("pdj", "pck", "pcp"),
    "lsp": ("pck", "pdj", "pcp"),
    "coco": ("ap",),
}
"""By dataset, its usual one first."""

REFERENCES = ("torso", "box-side", "box-diagonal", "head")
"""What a distance is measured against."""

_SIDED: Columns = {
    part: (f"left {part}", f"right {part}")
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "eye", "ear")
}
_COLUMNS: Mapping[str, Columns] = {
    "mpii": PCKH_COLUMNS,
    "lsp": {"head": ("upper neck", "head top"), **{part: _SIDED[part] for part in list(_SIDED)[:6]}},
    "flic": {**{part: _SIDED[part] for part in ("shoulder", "elbow", "wrist", "hip", "eye")}, "nose": ("nose",)},
}


@dataclass(frozen=True, slots=True)
class How:
    """What is measured: `metric` at `threshold`, against `reference`; `variant` and `mean_length` are of PCP.

    `observer` makes the truth's left and right the observer's. `server` takes MPII's own column Head.
    """

    metric: str
    threshold: float
    reference: str
    variant: Variant = "strict"
    mean_length: bool = False
    observer: bool = False
    server: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """What papers print: percent by column and both means, of `counted` joints or limbs.

    `units` (N, K) are the distances by which joints `names` were judged, in reference lengths, None for limbs.
    """

    dataset: str
    how: How
    columns: dict[str, float]
    correct: Correct
    names: tuple[str, ...]
    units: NDArray[np.float64] | None = None

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints; null where nothing was counted."""
        return {
            "dataset": self.dataset,
            "metric": self.how.metric,
            "threshold": self.how.threshold,
            "joints": {name: number(percent) for name, percent in self.columns.items()},
            "mean_pooled": number(self.correct.mean_pooled),
            "mean_unweighted": number(self.correct.mean_unweighted),
            "counted": int(self.correct.counted.sum()),
        }


def score(truth: Dataset, predictions: Predictions, how: How) -> Score:
    """One pose a person of the truth. Raises DatasetError where the truth lacks what the metric measures against."""
    name = truth.family
    skeleton = truth.skeleton
    true = truth.keypoints()
    true = observer_centric(true, skeleton) if how.observer else true
    found = predictions.of(skeleton)
    if how.metric == "pcp":
        limbs = pcp(found, true, skeleton, how.variant, how.threshold, mean_length=how.mean_length)
        return Score(name, how, limbs.columns(PCP_COLUMNS), limbs, limbs.names)
    joints = [joint for joint in skeleton.joints if joint in predictions.joints]
    if how.metric == "pckh" or name == "mpii":
        joints = [joint for joint in joints if joint in SCORED]
    which = [skeleton.joints.index(joint) for joint in joints]
    units = distances(found, true, _lengths(truth, true, how))[:, which]
    right = pck(units, joints, how.threshold)
    return Score(name, how, right.columns(columns_of(truth, server=how.server)), right, tuple(joints), units)


def columns_of(truth: Dataset, *, server: bool = False) -> Columns:
    """The columns of a dataset's table; `server`: those of MPII's own."""
    return SERVER_COLUMNS if server else _COLUMNS[truth.family]


def _lengths(truth: Dataset, true: NDArray[np.float64], how: How) -> NDArray[np.float64]:
    match how.reference:
        case "torso":
            return lengths.torso(true, truth.skeleton)
        case "box-side":
            return lengths.box_side(true)
        case "box-diagonal":
            return lengths.box_diagonal(true)
    heads = [person.head_px for person in truth.people()]
    if None in heads:
        raise DatasetError(
            f"{truth.source}: person {heads.index(None)} has no head box, by which PCKh measures: "
            "give the release, the truth .mat or the .h5 of MPII"
        )
    return np.array(heads, np.float64)


def number(value: float) -> float | None:
    """For JSON, which has no NaN."""
    return None if np.isnan(value) else float(value)
