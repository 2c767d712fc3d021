"""Poses without the tremble and with next to no delay: the One-Euro filter, one for every joint of every person.

Casiez, Roussel and Vogel 2012, "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive
Systems": a low-pass filter whose cutoff rises with speed. Three things are added to it:

* Time is capture time, so that dropped frames and uneven rates change nothing in how it feels.
* Speed counts in body sizes per second, and is that of the joint in the plane, so that near and far people, x and y
  share one set of parameters.
* A joint counts as much as its score: weighted means in the place of means, `filter(w x) / filter(w)`, which is the
  normalised convolution of Knutsson and Westin 1993. A doubtful joint hardly moves a sure one, a sure one that comes
  back has its place at once, and where all scores are alike it is the plain filter.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Poses
from posestream.stream.config import SmoothSettings
from posestream.stream.people.similarity import Doubles, sizes_px

_LEAST_WEIGHT = 1e-3  # of a joint with score 0: it has no say beside a sure one, and is smoothed by its own kind


@dataclass(frozen=True, slots=True)
class _People:
    """What is known of M people with P points each: the joints, then two corners of the box.

    `ids` (M,); `points_px` and `speeds_px_s` (M, P, 2), `weights` (M, P) float64; `seen_ns` (M,) int64.
    """

    ids: NDArray[np.intp]
    points_px: Doubles
    speeds_px_s: Doubles
    weights: Doubles
    seen_ns: NDArray[np.int64]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "_People":
        return _People(
            self.ids[rows], self.points_px[rows], self.speeds_px_s[rows], self.weights[rows], self.seen_ns[rows]
        )

    def and_(self, others: "_People") -> "_People":
        return _People(
            np.concatenate([self.ids, others.ids]),
            np.concatenate([self.points_px, others.points_px]),
            np.concatenate([self.speeds_px_s, others.speeds_px_s]),
            np.concatenate([self.weights, others.weights]),
            np.concatenate([self.seen_ns, others.seen_ns]),
        )


class Smoother:
    """Smooths the poses of one camera. A person unseen for more than `forget_s` starts anew."""

    def __init__(self, settings: SmoothSettings, forget_s: float) -> None:
        self._settings = settings
        self._forget_s = forget_s
        self._people: _People | None = None

    def update(self, ids: NDArray[np.intp], poses: Poses, capture_ns: int) -> Poses:
        """The N poses smoothed, their boxes too, their scores as they were; `poses` itself where switched off.

        `ids` (N,) are those of `Tracker.update`: distinct where they are 1 or more; poses with less pass unchanged.
        """
        if not self._settings.enabled:
            return poses
        named = ids > 0
        looks = _looks(ids[named], poses.take(named), self._settings.full_score, capture_ns)
        known = looks if self._people is None else self._people
        known = known.take(capture_ns - known.seen_ns <= self._forget_s * 1e9)
        now = _filter(_before(looks, known), looks, sizes_px(poses.boxes_xyxy[named]), self._settings)
        self._people = now.and_(known.take(~np.isin(known.ids, now.ids)))
        return _with_points(poses, named, now.points_px)


def _looks(ids: NDArray[np.intp], poses: Poses, full_score: float, capture_ns: int) -> _People:
    """The poses of one frame as people at rest."""
    corners = poses.boxes_xyxy.reshape(-1, 2, 2)
    points = np.concatenate([poses.keypoints, corners], axis=1, dtype=np.float64)
    joint_weights = np.clip(poses.keypoint_scores / full_score, _LEAST_WEIGHT, 1.0)
    weights = np.concatenate([joint_weights, np.ones(corners.shape[:2])], axis=1, dtype=np.float64)
    return _People(ids, points, np.zeros_like(points), weights, np.full(len(ids), capture_ns, np.int64))


def _before(looks: _People, known: _People) -> _People:
    """Those of `looks` as they were known, or as they look where they are new."""
    row_of = {int(person): row for row, person in enumerate(known.ids)}
    rows = np.array([row_of.get(int(person), len(known.ids) + new) for new, person in enumerate(looks.ids)], np.intp)
    return known.and_(looks).take(rows)


def _filter(before: _People, looks: _People, sizes_px: Doubles, settings: SmoothSettings) -> _People:
    """One step of the filter, for all people and points at once."""
    dt_s = ((looks.seen_ns - before.seen_ns) / 1e9)[:, None]
    moved = looks.points_px - before.points_px
    speeds = np.divide(moved, dt_s[..., None], out=np.zeros_like(moved), where=dt_s[..., None] > 0)
    trust = _smoothing(settings.speed_cutoff_hz, dt_s) * looks.weights
    speeds = before.speeds_px_s + trust[..., None] * (speeds - before.speeds_px_s)

    sizes_per_s = np.linalg.norm(speeds, axis=-1) / sizes_px[:, None]
    alpha = _smoothing(settings.min_cutoff_hz + settings.beta * sizes_per_s, dt_s)
    weights = alpha * looks.weights + (1 - alpha) * before.weights
    points = before.points_px + (alpha * looks.weights / weights)[..., None] * moved
    return _People(looks.ids, points, speeds, weights, looks.seen_ns)


def _smoothing(cutoff_hz: Doubles | float, dt_s: Doubles) -> Doubles:
    """Weight of the newest value in exponential smoothing: equation 3 and 5 of the paper, 1 / (1 + tau / Te)."""
    turns = 2 * np.pi * cutoff_hz * dt_s
    return np.asarray(turns / (1 + turns))


def _with_points(poses: Poses, named: NDArray[np.bool_], points_px: Doubles) -> Poses:
    keypoints, boxes = poses.keypoints.copy(), poses.boxes_xyxy.copy()
    keypoints[named], boxes[named] = points_px[:, :-2], points_px[:, -2:].reshape(-1, 4)
    return Poses(keypoints, poses.keypoint_scores, boxes, poses.scores)
