"""COCO's ten figures for keypoints: average precision and recall over thresholds of OKS.

The rules of COCO keypoint evaluation (`cocoeval`), kept to the letter, since scores are compared by their third digit:

* The 20 poses of highest score of an image count. Thresholds are 0.5, 0.55 ... 0.95; precision is read at 101 recalls.
  Sizes are by area: medium 32^2 to 96^2 px, large above; smaller people count in AP and AR alone.
* Poses are matched greedily, best score first: each to the unmatched person of largest OKS above the threshold, of
  equal ones the last. A person of another size, a crowd, or one without a labelled joint is ignored: it is matched only
  if no other person can be, and the pose is neither correct nor false. Many poses may match one crowd.
* An unmatched pose whose own extent is of another size is not false.
* A figure is -1 if there is nobody to find.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posestream.engines.metrics.coco_oks import coco_oks

FIGURES = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")
THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MAX_POSES = 20
_SIZES_PX2 = np.array([[0, 1e10], [32**2, 96**2], [96**2, 1e10]])  # all, medium, large
_MAX_THRESHOLD = 1 - 1e-10
_ALL, _MEDIUM, _LARGE = range(3)
_AVERAGED: Mapping[str, tuple[int, slice]] = {  # the size and thresholds over which a figure is the mean
    "": (_ALL, slice(None)),
    "50": (_ALL, slice(0, 1)),
    "75": (_ALL, slice(5, 6)),
    "m": (_MEDIUM, slice(None)),
    "l": (_LARGE, slice(None)),
}


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """The truth: G people of K joints; the order of an image's people decides ties.

    `images` (G,) int64 are their images; `keypoints` (G, K, 2), `labelled` (G, K) bool, `areas_px2` (G,) of the
    segments, `boxes_xyxy` (G, 4), `crowds` (G,) bool: groups annotated as one.
    """

    images: NDArray[np.int64]
    keypoints: NDArray[np.float64]
    labelled: NDArray[np.bool_]
    areas_px2: NDArray[np.float64]
    boxes_xyxy: NDArray[np.float64]
    crowds: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """D poses found: `images` (D,) int64, `keypoints` (D, K, 2), `scores` (D,); the order of equal scores matters."""

    images: NDArray[np.int64]
    keypoints: NDArray[np.float64]
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The result of one image: its d poses by falling score, at 3 sizes (all, medium, large) and 10 thresholds.

    `scores` (d,), `right` and `wrong` (3, 10, d) bool, both false for ignored poses; `wanted` (3,) people to find.
    """

    image: int
    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    wanted: NDArray[np.int64]


def score(people: People, found: Found, sigmas: NDArray[np.float64]) -> dict[str, float]:
    """The ten figures, 0 to 1 or -1. Poses in images without people are wrong: the images must be those of the set."""
    return figures(outcomes(people, found, sigmas))


def outcomes(people: People, found: Found, sigmas: NDArray[np.float64]) -> list[Outcome]:
    """The result of each image, by image number."""
    return [
        _outcome(image, people, person_rows, found, poses, sigmas)
        for image, person_rows, poses in _by_image(people, found)
    ]


def figures(all_images: list[Outcome]) -> dict[str, float]:
    """The ten figures over a list of images, which may repeat; its order decides between equal scores."""
    precision, recall = _precision_and_recall(all_images)
    tables = {"AP": precision, "AR": recall}
    return {figure: _mean(tables[figure[:2]][_AVERAGED[figure[2:]]]) for figure in FIGURES}


def precision_curves(all_images: list[Outcome]) -> NDArray[np.float64]:
    """(10, 101) precision at each threshold and recall, over people of all sizes; -1 if there is nobody to find."""
    precision: NDArray[np.float64] = _precision_and_recall(all_images)[0][_ALL]
    return precision


def _by_image(people: People, found: Found) -> Iterator[tuple[int, NDArray[np.intp], NDArray[np.intp]]]:
    """Each image with the indices of its people and of its best poses, best first."""
    images = np.union1d(people.images, found.images)
    of_people, of_poses = (np.argsort(which, kind="stable") for which in (people.images, found.images))
    people_cuts = np.searchsorted(people.images[of_people], images[1:])
    pose_cuts = np.searchsorted(found.images[of_poses], images[1:])
    parts = zip(images, np.split(of_people, people_cuts), np.split(of_poses, pose_cuts), strict=True)
    for image, person_rows, poses in parts if len(images) else ():
        best_first = poses[np.argsort(-found.scores[poses], kind="stable")]
        yield int(image), person_rows, best_first[:MAX_POSES]


def _outcome(
    image: int,
    people: People,
    person_rows: NDArray[np.intp],
    found: Found,
    poses: NDArray[np.intp],
    sigmas: NDArray[np.float64],
) -> Outcome:
    areas, crowds, labelled = people.areas_px2[person_rows], people.crowds[person_rows], people.labelled[person_rows]
    similarity = coco_oks(
        found.keypoints[poses], people.keypoints[person_rows], labelled, areas, people.boxes_xyxy[person_rows], sigmas
    )
    low, high = _SIZES_PX2[:, :1], _SIZES_PX2[:, 1:]
    ignored = crowds | ~labelled.any(axis=1) | (areas < low) | (areas > high)  # (3, g)
    matches = _matched(similarity, ignored, crowds)
    unmatched = matches < 0
    neutral = (  # matched to an ignored person
        np.take_along_axis(ignored, matches.reshape(3, -1).clip(0), axis=1).reshape(matches.shape)
        if len(person_rows)
        else unmatched
    )
    extents = np.ptp(found.keypoints[poses], axis=1).prod(axis=-1)
    other_size = (extents < low) | (extents > high)
    wrong = unmatched & ~other_size[:, None]
    return Outcome(image, found.scores[poses], ~unmatched & ~neutral, wrong, (~ignored).sum(axis=1))


def _matched(
    similarity: NDArray[np.float64], ignored: NDArray[np.bool_], crowds: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """(3, 10, d) the person matched to each of d poses at every size and threshold, -1 for none."""
    poses, people = similarity.shape
    matches = np.full((len(ignored), len(THRESHOLDS), poses), -1, np.intp)
    if not people:
        return matches
    free = np.ones((*matches.shape[:2], people), np.bool_)
    min_oks = np.minimum(THRESHOLDS, _MAX_THRESHOLD)[:, None]
    size, threshold = np.ogrid[: matches.shape[0], : matches.shape[1]]
    counted = ~ignored[:, None]
    for pose in range(poses):
        possible = free & (similarity[pose] >= min_oks)
        preferred = possible & counted
        possible = np.where(preferred.any(axis=-1, keepdims=True), preferred, possible)
        last_best = people - 1 - np.where(possible, similarity[pose], -1)[..., ::-1].argmax(axis=-1)
        matched = possible.any(axis=-1)
        matches[..., pose] = np.where(matched, last_best, -1)
        free[size, threshold, last_best] &= ~matched | crowds[last_best]
    return matches


def _precision_and_recall(all_images: list[Outcome]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision (3, 10, 101) and the highest recall (3, 10), -1 at sizes without anybody to find."""
    sizes, thresholds = len(_SIZES_PX2), len(THRESHOLDS)
    precision, recall = np.full((sizes, thresholds, len(RECALLS)), -1.0), np.full((sizes, thresholds), -1.0)
    if not all_images:
        return precision, recall
    wanted = np.sum([image.wanted for image in all_images], axis=0)
    order = np.argsort(-np.concatenate([image.scores for image in all_images]), kind="stable")
    right = np.cumsum(np.concatenate([image.right for image in all_images], axis=-1)[..., order], axis=-1)
    wrong = np.cumsum(np.concatenate([image.wrong for image in all_images], axis=-1)[..., order], axis=-1)
    for size in np.flatnonzero(wanted):
        for threshold in range(thresholds):
            hits, misses = right[size, threshold], wrong[size, threshold]
            recalls = hits / wanted[size]
            precisions = hits / (misses + hits + np.spacing(1))
            envelope = np.maximum.accumulate(precisions[::-1])[::-1]  # the best at this recall or above
            at = np.searchsorted(recalls, RECALLS, side="left")
            precision[size, threshold] = np.append(envelope, 0)[at]
            recall[size, threshold] = recalls[-1] if len(recalls) else 0
    return precision, recall


def _mean(values: NDArray[np.float64]) -> float:
    known = values[values > -1]
    return float(known.mean()) if known.size else -1.0
