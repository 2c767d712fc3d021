"""PCK, the percentage of correct keypoints: joints within a share of a reference length of the truth.

A joint is right if |found - true| <= threshold * length (Yang & Ramanan 2013, "Articulated Human Detection with
Flexible Mixtures of Parts", section 7). With the torso's diameter as length it is the PDJ of Toshev & Szegedy 2014 and
FLIC, with the head's length the PCKh of MPII. mmpose requires strictly less: `strict`.

* Unlabelled joints are not counted; labelled joints that were not found are wrong at any threshold.
* People without a reference length, or with one of 0, are not counted.
* The percents of no joints are NaN.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posestream.engines.metrics import correct
from posestream.engines.metrics.correct import Correct


def distances(
    found: NDArray[np.float64], truth: NDArray[np.float64], lengths_px: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N, K) float64 |found - true| of (N, K, 2) each, in units of lengths (N,).

    NaN for joints that are not counted, infinite for those not found. Raises ValueError where the shapes differ.
    """
    if found.shape != truth.shape or len(lengths_px) != len(truth):
        raise ValueError(
            f"{found.shape} found, {truth.shape} true, {lengths_px.shape} lengths: they do not go together"
        )
    away = np.linalg.norm(np.asarray(found, np.float64) - truth, axis=-1)
    away[np.isnan(found).any(axis=-1)] = np.inf
    lengths = np.where(lengths_px > 0, lengths_px, np.nan)[:, None]
    units: NDArray[np.float64] = away / lengths
    units[np.isnan(truth).any(axis=-1)] = np.nan
    return units


def pck(units: NDArray[np.float64], names: Sequence[str], threshold: float, *, strict: bool = False) -> Correct:
    """The counts of joints `names` whose `distances` (N, K) are within the threshold."""
    near = units < threshold if strict else units <= threshold
    return correct.of(names, near, ~np.isnan(units))


def curve(units: NDArray[np.float64], names: Sequence[str], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, K + 1) percent at each threshold, by joint and, last, pooled over all joints."""
    scores = [pck(units, names, float(threshold)) for threshold in thresholds]
    return np.array([[*score.percent, score.mean_pooled] for score in scores])


def area_under(curve_percent: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean height of a curve (T, ...) over evenly or unevenly spaced thresholds (T,), by the trapezoid rule."""
    area: NDArray[np.float64] = np.trapezoid(curve_percent, thresholds, axis=0) / (thresholds[-1] - thresholds[0])
    return area
