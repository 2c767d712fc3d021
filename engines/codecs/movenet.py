"""MoveNet: CenterNet (Zhou et al. 2019, "Objects as Points") for poses, decoded inside the network.

https://www.tensorflow.org/hub/tutorials/movenet. Coordinates are y, x from 0 to 1, from edge to edge of the input.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs.boxes import around, boxes_to_frame
from posestream.engines.codecs.pose_nms import suppress
from posestream.engines.geometry import each_to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import COCO17

_JOINTS = len(COCO17)
_BOX_JOINT_SCORE = 0.2  # min score of joints in a pose's box; MoveNet's own crop rule takes the same


class MoveNetSingle:
    """Keypoints (N, 1, 17, 3) of the person in the middle of each crop -> one pose a region, in order.

    `scores` are the means of the joints' scores.
    """

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Poses:
        people = outputs[0].reshape(-1, _JOINTS, 3)
        keypoints, keypoint_scores = _joints(people, regions, size_hw)
        boxes = around(keypoints, keypoint_scores, _BOX_JOINT_SCORE)
        return Poses(keypoints, keypoint_scores, boxes, keypoint_scores.mean(axis=1))


class MoveNetMultiPose:
    """People (N, 6, 56): 17 x (y, x, score), ymin xmin ymax xmax, score -> at most 6 poses a region, best first.

    Poses need a score of `score`; pose NMS has the threshold `oks`.
    """

    def __init__(self, score: float = 0.1, oks: float = 0.7) -> None:
        self._score, self._oks = score, oks

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Poses:
        region_of = np.repeat(np.arange(len(regions)), outputs[0].shape[1])
        people = outputs[0].reshape(-1, 3 * _JOINTS + 5)
        kept = people[:, -1] >= self._score
        people, shown_in = people[kept], [regions[i] for i in region_of[kept]]
        if not shown_in:
            return Poses.none(_JOINTS)
        keypoints, keypoint_scores = _joints(people[:, : 3 * _JOINTS].reshape(-1, _JOINTS, 3), shown_in, size_hw)
        edges = people[:, [-4, -5, -2, -3]] * np.tile(size_hw[::-1], 2) - 0.5
        boxes = [boxes_to_frame(edge[None], region, size_hw) for edge, region in zip(edges, shown_in, strict=True)]
        poses = Poses(keypoints, keypoint_scores, np.concatenate(boxes), people[:, -1].astype(np.float32))
        return suppress(poses, COCO17, self._oks)


def _joints(people: NDArray[Any], regions: Sequence[Region], size_hw: tuple[int, int]) -> tuple[Floats, Floats]:
    """Keypoints (N, 17, 2) in frame pixels and scores (N, 17) of people (N, 17, 3), one a region."""
    keypoints = each_to_frame(people[..., 1::-1] * size_hw[::-1] - 0.5, regions, size_hw)
    scores = people[..., 2].astype(np.float32)
    return COCO17.unmirror(keypoints, scores, [region.mirrored for region in regions])
