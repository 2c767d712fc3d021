"""Part scores of one person: the best cell of each part, refined.

Insafutdinov et al. 2016, "DeeperCut: A Deeper, Stronger, and Faster Multi-Person Pose Estimation Model", section 3.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs import part_maps
from posestream.engines.codecs.boxes import around
from posestream.engines.geometry import each_to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import SKELETONS
from posestream.engines.spec import ModelSpec


class PartScores:
    """Scores (N, K, h, w) and refinement (N, 2K, h, w) -> one pose a region.

    Joints that score less than `min_score` get score 0, and stay in their best cell.
    """

    def __init__(self, spec: ModelSpec, min_score: float = 0.0) -> None:
        self._skeleton = SKELETONS[spec.skeleton or "lsp14"]
        self._min_score = min_score

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Poses:
        scores, locref = outputs[:2]
        images, joints, _, width = scores.shape
        flat = scores.reshape(images, joints, -1)
        best = flat.argmax(axis=2)
        best_scores = np.take_along_axis(flat, best[..., None], axis=2)[..., 0].astype(np.float32)
        offsets = np.take_along_axis(locref.reshape(images, joints, 2, -1), best[..., None, None], axis=3)[..., 0]
        places = part_maps.cell_px(*np.divmod(best, width)) + part_maps.SPREAD_PX * offsets
        keypoints, keypoint_scores = self._skeleton.unmirror(
            each_to_frame(places, regions, size_hw), best_scores, [region.mirrored for region in regions]
        )
        keypoint_scores[keypoint_scores < self._min_score] = 0
        boxes = around(keypoints, keypoint_scores, max(self._min_score, 1e-6))
        return Poses(keypoints, keypoint_scores, boxes, keypoint_scores.mean(axis=1))

    def flip_mean(self, outputs: Sequence[NDArray[Any]]) -> list[Floats]:
        """Outputs of N regions followed by those of the same regions mirrored, (2N, ...) -> their N means.

        Cell i is at pixel 8 i + 4, which is not symmetric: in a mirrored image the cell at the same place is one pixel
        to the left, so that the x refinement is one pixel shorter.
        """
        scores, locref = outputs[:2]
        images, unmirror_maps = len(scores) // 2, self._skeleton.unmirror_maps
        unmirrored = unmirror_maps(locref[images:].reshape(images, -1, 2, *locref.shape[2:])).copy()
        unmirrored[:, :, 0] = -unmirrored[:, :, 0] - 1 / part_maps.SPREAD_PX
        return [
            ((scores[:images] + unmirror_maps(scores[images:])) / 2).astype(np.float32),
            ((locref[:images] + unmirrored.reshape(locref[:images].shape)) / 2).astype(np.float32),
        ]

    def encode(self, people: Poses, size_hw: tuple[int, int]) -> tuple[Floats, ...]:
        """Scores (K, h, w), weights, refinement (2K, h, w), weights of one person: `part_maps.encode`.

        All scores of an unlabelled joint, which may be anywhere, have weight 0.
        """
        cells = part_maps.centres(size_hw)
        scores, _, locref, locref_weights = part_maps.encode(people, part_maps.nearest(people, cells), cells)
        labelled = people.keypoint_scores.min(axis=0, initial=1) > 0
        weights = np.broadcast_to(labelled[:, None, None], scores.shape).astype(np.float32)
        return scores, weights, locref, locref_weights
