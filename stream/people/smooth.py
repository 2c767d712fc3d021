"""Poses without jitter and next to no delay: the One Euro filter, for every joint of every person.

Casiez, Roussel and Vogel 2012, "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive
Systems": a low-pass filter whose cutoff rises with speed. Three things are added to it:

* Time is capture time, so that dropped frames and uneven rates change nothing.
* Speed is that of the joint in the plane, in body sizes per second, so that near and far people, x and y share one set
  of parameters.
* A joint weighs as much as its score: weighted means replace means, `filter(w x) / filter(w)`, which is the normalised
  convolution of Knutsson and Westin 1993. A doubtful joint hardly moves a sure one, a sure one that comes back has its
  place at once, and with equal scores it is the plain filter.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Poses
from posestream.stream.config import SmoothSettings
from posestream.stream.people.similarity import Doubles, sizes_px

_MIN_WEIGHT = 1e-3  # of a joint with score 0: nothing beside a sure one, and enough to be smoothed among its like


@dataclass(frozen=True, slots=True)
class _FilterState:
    """The filter's state for M people with P points each: the joints, then two corners of the box.

    `ids` (M,); `points_px` and `velocities_px_s` (M, P, 2), `weights` (M, P) float64; `measured_ns` (M,) int64.
    """

    ids: NDArray[np.intp]
    points_px: Doubles
    velocities_px_s: Doubles
    weights: Doubles
    measured_ns: NDArray[np.int64]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "_FilterState":
        return _FilterState(
            self.ids[rows],
            self.points_px[rows],
            self.velocities_px_s[rows],
            self.weights[rows],
            self.measured_ns[rows],
        )

    def merge(self, others: "_FilterState") -> "_FilterState":
        return _FilterState(
            np.concatenate([self.ids, others.ids]),
            np.concatenate([self.points_px, others.points_px]),
            np.concatenate([self.velocities_px_s, others.velocities_px_s]),
            np.concatenate([self.weights, others.weights]),
            np.concatenate([self.measured_ns, others.measured_ns]),
        )


class OneEuroFilter:
    """Smooths the poses of one camera. A person unseen for more than `forget_s` starts anew."""

    def __init__(self, settings: SmoothSettings, forget_s: float) -> None:
        self._settings = settings
        self._forget_s = forget_s
        self._state: _FilterState | None = None

    def update(self, ids: NDArray[np.intp], poses: Poses, capture_ns: int) -> Poses:
        """The N poses with joints and boxes smoothed, their scores unchanged; `poses` itself if switched off.

        `ids` (N,) are those of `Tracker.update`: distinct if 1 or more; poses with a lower one pass unchanged.
        """
        if not self._settings.enabled:
            return poses
        identified = ids > 0
        measured = _measured(ids[identified], poses.take(identified), self._settings.full_score, capture_ns)
        known = measured if self._state is None else self._state
        known = known.take(capture_ns - known.measured_ns <= self._forget_s * 1e9)
        sizes = sizes_px(poses.boxes_xyxy[identified])
        filtered = _filter(_previous(measured, known), measured, sizes, self._settings)
        self._state = filtered.merge(known.take(~np.isin(known.ids, filtered.ids)))
        return _with_points(poses, identified, filtered.points_px)


def _measured(ids: NDArray[np.intp], poses: Poses, full_score: float, capture_ns: int) -> _FilterState:
    """The initial state of the people of one frame: measured positions, zero velocities."""
    corners = poses.boxes_xyxy.reshape(-1, 2, 2)
    points = np.concatenate([poses.keypoints, corners], axis=1, dtype=np.float64)
    joint_weights = np.clip(poses.keypoint_scores / full_score, _MIN_WEIGHT, 1.0)
    weights = np.concatenate([joint_weights, np.ones(corners.shape[:2])], axis=1, dtype=np.float64)
    return _FilterState(ids, points, np.zeros_like(points), weights, np.full(len(ids), capture_ns, np.int64))


def _previous(measured: _FilterState, known: _FilterState) -> _FilterState:
    """The last state of the people of `measured`, in their order; of new ones, their initial state."""
    row_of = {int(person): row for row, person in enumerate(known.ids)}
    rows = [row_of.get(int(person), len(known.ids) + new) for new, person in enumerate(measured.ids)]
    return known.merge(measured).take(np.array(rows, np.intp))


def _filter(
    previous: _FilterState, measured: _FilterState, sizes_px: Doubles, settings: SmoothSettings
) -> _FilterState:
    """One step of the filter, for all people and points at once."""
    dt_s = ((measured.measured_ns - previous.measured_ns) / 1e9)[:, None]
    moved = measured.points_px - previous.points_px
    velocities = np.divide(moved, dt_s[..., None], out=np.zeros_like(moved), where=dt_s[..., None] > 0)
    alpha = _alpha(settings.speed_cutoff_hz, dt_s) * measured.weights
    velocities = previous.velocities_px_s + alpha[..., None] * (velocities - previous.velocities_px_s)

    sizes_per_s = np.linalg.norm(velocities, axis=-1) / sizes_px[:, None]
    alpha = _alpha(settings.min_cutoff_hz + settings.beta * sizes_per_s, dt_s)
    weights = alpha * measured.weights + (1 - alpha) * previous.weights
    points = previous.points_px + (alpha * measured.weights / weights)[..., None] * moved
    return _FilterState(measured.ids, points, velocities, weights, measured.measured_ns)


def _alpha(cutoff_hz: Doubles | float, dt_s: Doubles) -> Doubles:
    """The weight of the newest value in exponential smoothing: equations 3 and 5 of the paper, 1 / (1 + tau / Te)."""
    turns = 2 * np.pi * cutoff_hz * dt_s
    return np.asarray(turns / (1 + turns))


def _with_points(poses: Poses, identified: NDArray[np.bool_], points_px: Doubles) -> Poses:
    keypoints, boxes = poses.keypoints.copy(), poses.boxes_xyxy.copy()
    keypoints[identified], boxes[identified] = points_px[:, :-2], points_px[:, -2:].reshape(-1, 4)
    return Poses(keypoints, poses.keypoint_scores, boxes, poses.scores)
