"""MPII's metric for several people: the average precision of every joint, on poses assigned to people.

Pishchulin et al. 2016, "DeepCut"; the rules of the official scripts (`assignGTmulti`, `getRPC`, `VOCap`):

* A joint matches within 0.5 of the person's head (`pckh`). Each pose keeps the person of whose labelled joints it
  matches the largest share, each person the best of the poses that kept it; the first of equal ones.
* The joints of an assigned pose are right if they match, and wrong if not or if unlabelled. All joints of other poses
  are wrong.
* Joints are ranked by their own scores over all images; of equal scores the first found is first. The precision at a
  recall is the best at this recall or above, and AP the area below, at every recall that occurs (PASCAL VOC 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posestream.engines.metrics.pckh import THRESHOLD


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """The truth: `images` (G,) int64, `keypoints` (G, K, 2), `heads_px` (G,) lengths of the heads."""

    images: NDArray[np.int64]
    keypoints: NDArray[np.float64]
    heads_px: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """D poses found: `images` (D,) int64, `keypoints` (D, K, 2), NaN if not found, `scores` (D, K) of the joints."""

    images: NDArray[np.int64]
    keypoints: NDArray[np.float64]
    scores: NDArray[np.float64]


def average_precisions(people: People, found: Found, threshold: float = THRESHOLD) -> NDArray[np.float64]:
    """(K,) AP of each joint in percent, NaN for a joint that nobody has labelled. MPII's total is their mean.

    The joints are those that are scored: without pelvis and thorax.
    """
    order = np.argsort(found.images, kind="stable")
    found = Found(found.images[order], found.keypoints[order], found.scores[order])
    located = np.logical_not(np.isnan(found.keypoints).any(axis=-1))
    right = np.zeros(located.shape, np.bool_)
    for image in np.intersect1d(people.images, found.images):
        poses, person_rows = np.flatnonzero(found.images == image), np.flatnonzero(people.images == image)
        matches = _matches(
            found.keypoints[poses], people.keypoints[person_rows], people.heads_px[person_rows], threshold
        )
        labelled = (~np.isnan(people.keypoints[person_rows]).any(axis=-1)).sum(axis=-1)
        for pose, person in assigned(matches, labelled):
            right[poses[pose]] = matches[pose, person]
    wanted = (~np.isnan(people.keypoints).any(axis=-1)).sum(axis=0)
    joints = range(people.keypoints.shape[1])
    return np.array([_average(right[located[:, k], k], found.scores[located[:, k], k], int(wanted[k])) for k in joints])


def assigned(matches: NDArray[np.bool_], labelled: NDArray[np.int64]) -> Sequence[tuple[int, int]]:
    """Pairs (pose, person) of one image, from `matches` (d, g, K) and the number of labelled joints of each person."""
    shares = matches.sum(axis=-1) / np.maximum(labelled, 1)
    kept = np.zeros_like(shares)
    each = np.arange(len(shares))
    kept[each, shares.argmax(axis=1)] = shares.max(axis=1)
    return [(int(kept[:, g].argmax()), g) for g in range(shares.shape[1]) if kept[:, g].any()]


def _matches(
    found: NDArray[np.float64], truth: NDArray[np.float64], heads_px: NDArray[np.float64], threshold: float
) -> NDArray[np.bool_]:
    """(d, g, K) true for joints of a pose near those of a person; false if either lacks the joint."""
    units = np.linalg.norm(found[:, None] - truth, axis=-1) / heads_px[:, None]
    near: NDArray[np.bool_] = units <= threshold
    return near


def _average(right: NDArray[np.bool_], scores: NDArray[np.float64], wanted: int) -> float:
    if not wanted:
        return float("nan")
    ranked = right[np.argsort(-scores, kind="stable")].cumsum()
    precision, recall = ranked / np.arange(1, len(ranked) + 1), ranked / wanted
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return 100 * float((np.diff(recall, prepend=0) * envelope).sum())
