"""People from part scores and pairwise offsets: node labelling and multicut, in stages.

Insafutdinov et al. 2016, "DeeperCut: A Deeper, Stronger, and Faster Multi-Person Pose Estimation Model", sections 4-5.
Detections of parts become nodes, which cost log((1 - p) / p) by their score; pairs of them cost the same by the
probability that they are of one person (`pairwise`). The cheapest labelling (`labelling`) says which hold and who
belongs together: first of heads and shoulders, then with elbows and wrists, then with hips, knees and ankles. After
each stage the detections of a part in a person become one, and the people found begin the next stage.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs import labelling, pairwise, pairwise_lsp14, part_maps, part_peaks
from posestream.engines.codecs.boxes import around
from posestream.engines.codecs.pairwise import PairTable
from posestream.engines.codecs.part_peaks import Parts
from posestream.engines.codecs.pose_nms import suppress
from posestream.engines.geometry import to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import SKELETONS, Skeleton
from posestream.engines.spec import ModelSpec

# Parts that come in after the first stage, by the last word of a joint's name.
_LATER = (("elbow", "wrist"), ("hip", "knee", "ankle"))
_SURE = 1e-4  # probabilities are kept this far from 0 and 1
_SPLIT = 0.4  # two parts with this score at one place may both be there
_ONE_PLACE = 1  # cells

_TABLES: Mapping[str, Callable[[], PairTable]] = {"lsp14": lambda: pairwise.table(pairwise_lsp14.ROWS, 14)}


def stages(skeleton: Skeleton) -> tuple[NDArray[np.intp], ...]:
    """The joints that each stage adds."""
    stage_of = {name: i + 1 for i, names in enumerate(_LATER) for name in names}
    stage = np.array([stage_of.get(joint.split()[-1], 0) for joint in skeleton.joints])
    return tuple(np.nonzero(stage == i)[0] for i in range(len(_LATER) + 1))


class Multicut:
    """Scores (N, K, h, w), refinement (N, 2K, h, w), pairwise (N, 2K(K-1), h, w) -> `Poses`, best first.

    Detections need a score of `peak`, are the best within `radius` cells, and are `most` of a part at most. A person
    needs `joints` joints with a mean score of `score`: of weak detections those that lie as people do always agree. The
    authors ask for the joints, and leave scores to the evaluation; 0.4 is what they ask of a part that shares its place
    with another. `table` says what was learned of pairs; there is one for LSP14. Raises ValueError for another
    skeleton without a table. Where several regions are decoded, people in several of them with an OKS above `oks` are
    taken once.
    """

    def __init__(
        self,
        spec: ModelSpec,
        peak: float = 0.2,
        radius: float = 5,
        most: int = 20,
        joints: int = 3,
        score: float = 0.4,
        oks: float = 0.7,
        table: PairTable | None = None,
    ) -> None:
        self._skeleton = SKELETONS[spec.skeleton or "lsp14"]
        if table is None and self._skeleton.name not in _TABLES:
            raise ValueError(
                f"multicut: no pairwise table for {self._skeleton.name}: fit one with engines.codecs.pairwise_fit"
            )
        self._table = table or _TABLES[self._skeleton.name]()
        if self._table.joints != len(self._skeleton):
            raise ValueError(f"multicut: a table of {self._table.joints} joints for {self._skeleton.name}")
        self._peak, self._radius, self._most, self._oks = peak, radius, most, oks
        self._joints, self._score = joints, score
        self._stages = stages(self._skeleton)

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Poses:
        found = [self._people(maps, region, size_hw) for *maps, region in zip(*outputs[:3], regions, strict=True)]
        poses = Poses.joined([Poses.none(len(self._skeleton)), *found])
        poses = poses.take(np.argsort(-poses.scores, kind="stable"))
        if len(found) > 1:
            poses = suppress(poses, self._skeleton, self._oks)
        return poses

    def _people(self, maps: Sequence[NDArray[Any]], region: Region, size_hw: tuple[int, int]) -> Poses:
        """The poses in one image, from its maps without the axis of the batch."""
        scores, locref, offsets = maps
        parts = part_peaks.find(scores, locref, self._peak, self._radius, self._most)
        people, labels = parts.take(np.zeros(0, np.intp)), np.zeros(0, np.intp)
        for joints in self._stages:
            new = parts.take(np.isin(parts.joints, joints))
            people, labels = people.joined(new), np.concatenate([labels, np.full(len(new.rows), -1, np.intp)])
            labels = labelling.solve(*self._costs(people, offsets), start=labels)
            people, labels = _merged(people, labels)
        return self._poses(people, labels, region, size_hw)

    def _costs(
        self, parts: Parts, offsets: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """Of the nodes (D,), of pairs of them (D, D), and which pairs cannot both hold (D, D)."""
        aims = pairwise.predicted(offsets, parts.rows, parts.columns, parts.joints, self._table)
        centres = part_maps.cell_px(parts.rows, parts.columns)
        together = pairwise.together(centres, parts.places, parts.joints, aims, self._table)
        cells = np.stack([parts.rows, parts.columns], axis=1)
        one_place = np.abs(cells[:, None] - cells[None]).max(axis=-1) <= _ONE_PLACE
        other_part = parts.joints[:, None] != parts.joints[None]
        both_seen = np.minimum(parts.scores[:, None], parts.scores[None]) >= _SPLIT
        return _log_odds(parts.scores), _log_odds(together), one_place & other_part & ~both_seen

    def _poses(self, parts: Parts, labels: NDArray[np.intp], region: Region, size_hw: tuple[int, int]) -> Poses:
        """One pose a label, in frame pixels."""
        count, joints = int(labels.max(initial=-1)) + 1, len(self._skeleton)
        keypoint_scores = np.zeros((count, joints), np.float32)
        keypoint_scores[labels, parts.joints] = parts.scores
        places = to_frame(parts.places, region, size_hw)
        middles = np.zeros((count, 2))
        np.add.at(middles, labels, places)
        middles /= np.bincount(labels, minlength=count)[:, None]
        keypoints = np.repeat(middles[:, None], joints, axis=1).astype(np.float32)  # of joints not found
        keypoints[labels, parts.joints] = places
        if region.width_px < 0:
            keypoints, keypoint_scores = keypoints[:, self._skeleton.mirror], keypoint_scores[:, self._skeleton.mirror]
        boxes = around(keypoints, keypoint_scores, 1e-6)
        poses = Poses(keypoints, keypoint_scores, boxes, keypoint_scores.mean(axis=1))
        found = (keypoint_scores > 0).sum(axis=1)
        return poses.take((found >= self._joints) & (keypoint_scores.sum(axis=1) >= self._score * found))

    def encode(self, people: Poses, size_hw: tuple[int, int]) -> tuple[Floats, ...]:
        """Scores, weights, refinement, weights (`part_maps.encode`), pairwise (2K(K-1), h, w), weights; all float32.

        Within the disk of a joint the pairwise offsets say where the other joints of the same person are, from the
        cell, less the mean of the pair and over its standard deviation; they count where the other joint has a label.
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
    p = np.clip(probability.astype(np.float64), _SURE, 1 - _SURE)
    odds: NDArray[np.float64] = np.log((1 - p) / p)
    return odds


def _merged(parts: Parts, labels: NDArray[np.intp]) -> tuple[Parts, NDArray[np.intp]]:
    """One detection a part and person: the best, at the mean place of all, weighted by score; and their labels."""
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
