"""MPII's measure for several people: the average precision of every joint, on poses assigned to people.

Pishchulin et al. 2016, "DeepCut"; the official scripts (`assignGTmulti`, `getRPC`, `VOCap`), kept to the letter:

* A joint matches within 0.5 of the person's head (`pckh`). Each pose keeps the person of whom it matches the largest
  part of the labelled joints, each person the best of the poses that kept them; of equals the first.
* The joints of a pose that has its person are right where they match; also a joint that the person's truth does not
  label is wrong. All joints of any other pose are wrong.
* Joints are ranked by their own scores over all images, the first found of equals first. The precision at a recall is
  the best at this recall or above, and AP the area below, at every recall that occurs (PASCAL VOC 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posestream.engines.metrics.pckh import THRESHOLD


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Who is in the images: `images` (G,) int64, `keypoints` (G, K, 2), `heads_px` (G,) lengths of the heads."""

    images: NDArray[np.int64]
    keypoints: NDArray[np.float64]
    heads_px: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Poses found: `images` (D,) int64, `keypoints` (D, K, 2), NaN where not found, `scores` (D, K) of the joints."""

    images: NDArray[np.int64]
    keypoints: NDArray[np.float64]
    scores: NDArray[np.float64]


def average_precisions(people: People, found: Found, threshold: float = THRESHOLD) -> NDArray[np.float64]:
    """(K,) AP of each joint in percent, NaN for one that is labelled of nobody. MPII's total is their mean.

    The joints are those to score: without pelvis and thorax.
    """
    order = np.argsort(found.images, kind="stable")
    found = Found(found.images[order], found.keypoints[order], found.scores[order])
    there = np.logical_not(np.isnan(found.keypoints).any(axis=-1))
    right = np.zeros(there.shape, np.bool_)
    for image in np.intersect1d(people.images, found.images):
        poses, who = np.flatnonzero(found.images == image), np.flatnonzero(people.images == image)
        matches = _matches(found.keypoints[poses], people.keypoints[who], people.heads_px[who], threshold)
        labelled = (~np.isnan(people.keypoints[who]).any(axis=-1)).sum(axis=-1)
        for pose, person in assigned(matches, labelled):
            right[poses[pose]] = matches[pose, person]
    wanted = (~np.isnan(people.keypoints).any(axis=-1)).sum(axis=0)
    joints = range(people.keypoints.shape[1])
    return np.array([_average(right[there[:, k], k], found.scores[there[:, k], k], int(wanted[k])) for k in joints])


def assigned(matches: NDArray[np.bool_], labelled: NDArray[np.int64]) -> Sequence[tuple[int, int]]:
    """Pairs (pose, person) of one image, from `matches` (d, g, K) and how many joints of each person are labelled."""
    part = matches.sum(axis=-1) / np.maximum(labelled, 1)
    kept = np.zeros_like(part)
    each = np.arange(len(part))
    kept[each, part.argmax(axis=1)] = part.max(axis=1)
    return [(int(kept[:, g].argmax()), g) for g in range(part.shape[1]) if kept[:, g].any()]


def _matches(
    found: NDArray[np.float64], truth: NDArray[np.float64], heads_px: NDArray[np.float64], threshold: float
) -> NDArray[np.bool_]:
    """(d, g, K): where a pose's joint is near the person's; never where either lacks it."""
    units = np.linalg.norm(found[:, None] - truth, axis=-1) / heads_px[:, None]
    near: NDArray[np.bool_] = units <= threshold
    return near


def _average(right: NDArray[np.bool_], scores: NDArray[np.float64], wanted: int) -> float:
    if not wanted:
        return float("nan")
    ranked = right[np.argsort(-scores, kind="stable")].cumsum()
    precision, recall = ranked / np.arange(1, len(ranked) + 1), ranked / wanted
    at_least = np.maximum.accumulate(precision[::-1])[::-1]
    return 100 * float((np.diff(recall, prepend=0) * at_least).sum())
