"""PCKh: PCK in units of the head. MPII's metric for single people.

Andriluka et al. 2014, "2D Human Pose Estimation: New Benchmark and State of the Art Analysis": a joint is right within
0.5 of the head's length, which is 0.6 times the diagonal of the head's box (`lengths.head`), and not the bone of the
head, as a survey claims. Pelvis and thorax are not scored, the other 14 joints are.

Two things differ between the scripts that print this table:

* the mean: pooled over all labelled joints (HRNet, mmpose, MPII's server) or the mean of the 14 percents (PyraNet);
* the column Head: the head's top alone (all scripts for the validation set) or the mean of upper neck and head's top
  (MPII's server): `COLUMNS`, `SERVER_COLUMNS`.

HRNet's and mmpose's "Mean@0.1" is PCKh at 0.11, element 11 of 0, 0.01, ...; ours is at the threshold given.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from posestream.engines.metrics import lengths
from posestream.engines.metrics.correct import Correct
from posestream.engines.metrics.pck import area_under, curve, distances, pck
from posestream.engines.skeletons import MPII16, Skeleton

THRESHOLD = 0.5
THRESHOLDS = np.arange(51) / 100  # of the curve, and of the area under it

SCORED = tuple(joint for joint in MPII16.joints if joint not in ("pelvis", "thorax"))

_LIMBS: Mapping[str, Sequence[str]] = {
    part: (f"left {part}", f"right {part}") for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
}
COLUMNS: Mapping[str, Sequence[str]] = {"head": ("head top",), **_LIMBS}
"""The columns of the table in papers that score the validation set."""
SERVER_COLUMNS: Mapping[str, Sequence[str]] = {"head": ("upper neck", "head top"), **_LIMBS}
"""The columns of MPII's own table of the test set."""


def pckh(
    found: NDArray[np.float64],
    truth: NDArray[np.float64],
    heads_xyxy: NDArray[np.float64],
    threshold: float = THRESHOLD,
    skeleton: Skeleton = MPII16,
) -> Correct:
    """PCKh of people (N, K, 2) with boxes of heads (N, 4), over the joints that MPII scores."""
    return pck(distances(found, truth, lengths.head(heads_xyxy)), skeleton.joints, threshold).only(_scored(skeleton))


def area(units: NDArray[np.float64], names: Sequence[str]) -> float:
    """The area under the curve of the pooled mean over thresholds 0 to 0.5, in percent of a perfect curve.

    `units` are `pck.distances` (N, K) of the scored joints `names`, in head lengths.
    """
    return float(area_under(curve(units, names, THRESHOLDS)[:, -1], THRESHOLDS))


def _scored(skeleton: Skeleton) -> tuple[str, ...]:
    return tuple(joint for joint in skeleton.joints if joint in SCORED)
