"""Scores a file of predictions: `python -m tools.evaluate --dataset NAME --annotations FILE --predictions FILE`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posestream.engines.metrics import coco_ap
from tools.datasets import DatasetError, crowd_poses, predictions
from tools.datasets.crowd_poses import FoundPoses
from tools.datasets.predictions import Origin, Predictions
from tools.datasets.records import Dataset
from tools.evaluate import ap, scores
from tools.evaluate.scores import How, Score


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A prediction file with its score: of single people a `Score`; of crowds figures and, for COCO, the outcomes."""

    label: str
    truth: Dataset
    found: Predictions | FoundPoses
    origin: int
    how: How
    score: Score | None = None
    figures: dict[str, float] | None = None
    outcomes: list[coco_ap.Outcome] | None = None
    image_ms: float | None = None

    def read_as(self) -> str:
        """How the file was understood, in a line."""
        pixels = f"pixels count from {self.origin}"
        if isinstance(self.found, FoundPoses):
            return f"{len(self.found.images)} poses, {pixels}"
        people, joints = self.found.keypoints.shape[:2]
        unknown = [joint for joint in self.found.joints if joint not in self.truth.skeleton.joints]
        lacking = f"; not in the truth: {', '.join(unknown)}" if unknown else ""
        return f"{self.found.key}, {people} people, {joints} joints, {pixels}{lacking}"

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        if self.score is not None:
            return self.score.as_json()
        head = {"dataset": self.truth.name, "metric": self.how.metric}
        return {**head, **{name: scores.number(value) for name, value in (self.figures or {}).items()}}


def score(truth: Dataset, path: Path, how: How, *, key: str, joints: str, origin: Origin | None) -> Scored:
    """Reads and scores one file. Raises DatasetError."""
    if how.metric != "ap":
        people = sum(1 for _ in truth.people())
        found = predictions.read(path, truth.family, people, key=key, joints=joints, origin=origin)
        return Scored(path.name, truth, found, found.origin, how, scores.score(truth, found, how))
    if path.suffix != ".json":
        raise DatasetError(f"{path}: AP is of several people an image: give poses as a .json list, as COCO's results")
    several = crowd_poses.read(path, truth, origin or 0)
    return of_poses(path.name, truth, several, how, origin or 0)


def of_poses(
    label: str, truth: Dataset, found: FoundPoses, how: How, origin: int = 0, image_ms: float | None = None
) -> Scored:
    """AP of poses."""
    if truth.name == "coco":
        outcomes = ap.coco_outcomes(truth, found)
        return Scored(label, truth, found, origin, how, None, coco_ap.figures(outcomes), outcomes, image_ms)
    by_joint = ap.mpii(truth, found, how.threshold)
    columns = {
        column: float(np.mean([by_joint[joint] for joint in joints]))
        for column, joints in scores.columns_of(truth, server=True).items()
    }
    known = [value for value in by_joint.values() if not np.isnan(value)]
    total = float(np.mean(known)) if known else float("nan")
    return Scored(label, truth, found, origin, how, figures={**columns, "AP": total})
