"""Images with the people in them: what networks are trained with, before it is brought to any network's input."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Poses
from posestream.engines.skeletons import MIDDLES, Skeleton


@dataclass(frozen=True, slots=True)
class Scene:
    """One image, (H, W, 3) uint8 BGR, and everybody who is labelled in it.

    `people` are in its pixels, in the joints of `skeleton`; joints that are not labelled have score 0, the others 1.
    `boxes_xyxy` are the annotated ones.
    """

    name: str
    image: NDArray[np.uint8]
    people: Poses
    skeleton: Skeleton

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[0], self.image.shape[1]


def labels(people: Poses, source: Skeleton, target: Skeleton) -> Poses:
    """The same people labelled in another skeleton, joint by joint of the same name; copies.

    Neck, thorax and pelvis are the middles of shoulders and hips where both sides are labelled. Other joints that
    `source` lacks, such as the top of the head, stay unlabelled.
    """
    keypoints = np.zeros((len(people), len(target), 2), np.float32)
    scores = np.zeros((len(people), len(target)), np.float32)
    for i, joint in enumerate(target.joints):
        parts = _parts(joint, source)
        if parts:
            keypoints[:, i] = people.keypoints[:, parts].mean(axis=1)
            scores[:, i] = (people.keypoint_scores[:, parts] > 0).all(axis=1)
    return Poses(keypoints, scores, people.boxes_xyxy.copy(), people.scores.copy())


def _parts(joint: str, source: Skeleton) -> list[int]:
    """The joints of `source` whose mean is `joint`; none where it cannot be had."""
    names: Sequence[str] = (joint,) if joint in source.joints else MIDDLES.get(joint, ())
    return [source.joints.index(name) for name in names if name in source.joints]
