"""People from part scores and pairwise offsets: node labelling and multicut, in stages.

Insafutdinov et al. 2016, "DeeperCut: A Deeper, Stronger, and Faster Multi-Person Pose Estimation Model", sections 4-5.
Detections of parts are nodes of cost log((1 - p) / p), p their score; pairs of them have the same cost, p being the
probability that they are of one person (`pairwise`). The labelling of least cost (`labelling`) selects true detections
and groups them into people: first heads and shoulders, then elbows and wrists, then hips, knees and ankles. After each
stage the detections of a part in a person are merged, and the people found are the start of the next stage.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs import labelling, pairwise, pairwise_table, part_maps, part_peaks
from posestream.engines.codecs.boxes import around
from posestream.engines.codecs.pairwise_table import PairTable
from posestream.engines.codecs.part_peaks import PartDetections
from posestream.engines.codecs.pose_nms import join_regions
from posestream.engines.geometry import to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import SKELETONS, Skeleton
from posestream.engines.spec import ModelSpec

_LATER = (("elbow", "wrist"), ("hip", "knee", "ankle"))  # parts of the second and third stage, without their side
_MIN_PROBABILITY = 1e-4  # and of the complement, so that log odds are finite
_SPLIT = 0.4  # min score of two parts at one place that may both be true
_ONE_PLACE_CELLS = 1


def stages(skeleton: Skeleton) -> tuple[NDArray[np.intp], ...]:
    """The joints added by each stage."""
    stage_of = {name: i + 1 for i, names in enumerate(_LATER) for name in names}
    stage = np.array([stage_of.get(joint.split()[-1], 0) for joint in skeleton.joints])
    return tuple(np.nonzero(stage == i)[0] for i in range(len(_LATER) + 1))


class Multicut:
    """Scores (N, K, h, w), refinement (N, 2K, h, w), pairwise (N, 2K(K-1), h, w) -> `Poses`, best first.

    Detections need a score of `peak` and are maxima within `radius` cells, at most `max_detections` of a part. A person
    needs `joints` joints with a mean score of `score`, since some weak detections always lie as a person would. The
    authors require the joints and leave scores to the evaluation; 0.4 is their threshold for a part that shares its
    place with another. `table` has the statistics of pairs, by default those of `pairwise_table.read`. The people of
    several regions pass pose NMS with the threshold `oks`. Raises ValueError where the skeleton has no table, or
    `table` another number of joints.
    """

    def __init__(
        self,
        spec: ModelSpec,
        peak: float = 0.2,
        radius: float = 5,
        max_detections: int = 20,
        joints: int = 3,
        score: float = 0.4,
        oks: float = 0.7,
        table: PairTable | None = None,
    ) -> None:
        self._skeleton = SKELETONS[spec.skeleton or "lsp14"]
        self._table = table or pairwise_table.read(self._skeleton)
        if self._table.joints != len(self._skeleton):
            raise ValueError(f"multicut: a table of {self._table.joints} joints for {self._skeleton.name}")
        self._peak, self._radius, self._max_detections, self._oks = peak, radius, max_detections, oks
        self._joints, self._score = joints, score
        self._stages = stages(self._skeleton)

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Poses:
        found = [self._people(maps, region, size_hw) for *maps, region in zip(*outputs[:3], regions, strict=True)]
        return join_regions(found, self._skeleton, self._oks)

    def _people(self, maps: Sequence[NDArray[Any]], region: Region, size_hw: tuple[int, int]) -> Poses:
        """The poses in one image, from its maps without a batch axis."""
        scores, locref, offsets = maps
        parts = part_peaks.find(scores, locref, self._peak, self._radius, self._max_detections)
        people, labels = parts.take(np.zeros(0, np.intp)), np.zeros(0, np.intp)
        for joints in self._stages:
            new = parts.take(np.isin(parts.joints, joints))
            people, labels = people.joined(new), np.concatenate([labels, np.full(len(new.rows), -1, np.intp)])
            labels = labelling.solve(*self._costs(people, offsets), start=labels)
            people, labels = _merged(people, labels)
        return self._poses(people, labels, region, size_hw)

    def _costs(
        self, parts: PartDetections, offset_maps: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """The costs of D nodes (D,), of pairs of them (D, D), and the pairs in conflict (D, D)."""
        offsets = pairwise.predicted(offset_maps, parts.rows, parts.columns, parts.joints, self._table)
        centres = part_maps.cell_px(parts.rows, parts.columns)
        same_person = pairwise.same_person(centres, parts.places, parts.joints, offsets, self._table)
        cells = np.stack([parts.rows, parts.columns], axis=1)
        one_place = np.abs(cells[:, None] - cells[None]).max(axis=-1) <= _ONE_PLACE_CELLS
        other_part = parts.joints[:, None] != parts.joints[None]
        both_sure = np.minimum(parts.scores[:, None], parts.scores[None]) >= _SPLIT
        return _log_odds(parts.scores), _log_odds(same_person), one_place & other_part & ~both_sure

    def _poses(
        self, parts: PartDetections, labels: NDArray[np.intp], region: Region, size_hw: tuple[int, int]
    ) -> Poses:
        """One pose a label, in frame pixels, of the people with enough joints and score."""
        count, joints = int(labels.max(initial=-1)) + 1, len(self._skeleton)
        keypoint_scores = np.zeros((count, joints), np.float32)
        keypoint_scores[labels, parts.joints] = parts.scores
        places = to_frame(parts.places, region, size_hw)
        middles = np.zeros((count, 2))
        np.add.at(middles, labels, places)
        middles /= np.bincount(labels, minlength=count)[:, None]
        keypoints = np.repeat(middles[:, None], joints, axis=1).astype(np.float32)  # for joints that were not found
        keypoints[labels, parts.joints] = places
        keypoints, keypoint_scores = self._skeleton.unmirror(keypoints, keypoint_scores, region.mirrored)
        boxes = around(keypoints, keypoint_scores, 1e-6)
        poses = Poses(keypoints, keypoint_scores, boxes, keypoint_scores.mean(axis=1))
        found = (keypoint_scores > 0).sum(axis=1)
        return poses.take((found >= self._joints) & (keypoint_scores.sum(axis=1) >= self._score * found))

    def encode(self, people: Poses, size_hw: tuple[int, int]) -> tuple[Floats, ...]:
        """Scores, weights, refinement, weights (`part_maps.encode`), pairwise (2K(K-1), h, w), weights; all float32.

        Within the disk of a joint the pairwise targets are the offsets from the cell to the other joints of the same
        person, less the mean of the pair, over its standard deviation; those to unlabelled joints have weight 0.
        """
        cells = part_maps.centres(size_hw)
        near = part_maps.nearest(people, cells)
        joints, height, width = near.inside.shape
        means, stds = self._table.pairs()
        ordered = ~np.eye(joints, dtype=bool)
        offsets = np.zeros((joints, joints, height, width, 2), np.float32)
        labelled = np.zeros((joints, joints, height, width), bool)
        a, rows, columns = np.nonzero(near.inside)
        person = near.person[a, rows, columns]
        offsets[a, :, rows, columns] = people.keypoints[person] - cells[:, rows, columns].T[:, None]
        labelled[a, :, rows, columns] = people.keypoint_scores[person] > 0
        counted = labelled[ordered]
        normalised = (offsets[ordered] - means[:, None, None]) / stds[:, None, None]
        normalised = np.where(counted[..., None], normalised, 0).transpose(0, 3, 1, 2).reshape(-1, height, width)
        weights = np.repeat(counted, 2, axis=0).astype(np.float32)
        return *part_maps.encode(people, near, cells), normalised.astype(np.float32), weights


def _log_odds(probability: NDArray[Any]) -> NDArray[np.float64]:
    """log((1 - p) / p), finite."""
    p = np.clip(probability.astype(np.float64), _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
    odds: NDArray[np.float64] = np.log((1 - p) / p)
    return odds


def _merged(parts: PartDetections, labels: NDArray[np.intp]) -> tuple[PartDetections, NDArray[np.intp]]:
    """One detection a part and person, the best, at the mean place of all, weighted by score; and their labels."""
    parts, labels = parts.take(labels >= 0), labels[labels >= 0]
    best_first = np.argsort(-parts.scores, kind="stable")
    parts, labels = parts.take(best_first), labels[best_first]
    keys = np.stack([labels, parts.joints], axis=1)
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    group = group.ravel()  # some versions of numpy keep an axis
    weights = np.bincount(group, parts.scores, len(first))
    places = np.stack([np.bincount(group, parts.scores * axis, len(first)) for axis in parts.places.T], axis=1)
    merged = parts.take(first)._replace(places=(places / np.maximum(weights, 1e-12)[:, None]).astype(np.float32))
    return merged, labels[first]
