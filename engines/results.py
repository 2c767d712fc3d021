"""Results of networks as structs of arrays, validated on construction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]


def _expect(name: str, array: Floats, shape: tuple[int | None, ...]) -> None:
    """Raises ValueError where `array` is not float32 of `shape`, None being any length."""
    fits = array.ndim == len(shape) and all(e is None or e == n for e, n in zip(shape, array.shape, strict=True))
    if not fits or array.dtype != np.float32:
        expected = "x".join("?" if n is None else str(n) for n in shape)
        raise ValueError(f"{name}: expected float32 {expected}, got {array.dtype} {array.shape}")


@dataclass(frozen=True, slots=True)
class Boxes:
    """The boxes of N people found by a detector, best first.

    `xyxy` (N, 4) float32, left top right bottom in frame pixels; `scores` (N,) float32 in 0-1. Raises ValueError where
    a shape or dtype is another.
    """

    xyxy: Floats
    scores: Floats

    def __post_init__(self) -> None:
        _expect("Boxes.xyxy", self.xyxy, (None, 4))
        _expect("Boxes.scores", self.scores, (len(self.xyxy),))

    def __len__(self) -> int:
        return len(self.xyxy)

    def above(self, score: float) -> "Boxes":
        """The boxes that score `score` or more; copies."""
        return Boxes(self.xyxy[self.scores >= score], self.scores[self.scores >= score])

    @classmethod
    def none(cls) -> "Boxes":
        """Boxes of no people."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True)
class Poses:
    """The poses of N people with K joints each.

    `keypoints` (N, K, 2) float32, x and y in frame pixels, pixel centres are integers; `keypoint_scores` (N, K) and
    `scores` (N,) float32; `boxes_xyxy` (N, 4) float32 in frame pixels. The joints are in the order of the model's
    skeleton. Raises ValueError where a shape or dtype is another.
    """

    keypoints: Floats
    keypoint_scores: Floats
    boxes_xyxy: Floats
    scores: Floats

    def __post_init__(self) -> None:
        _expect("Poses.keypoints", self.keypoints, (None, None, 2))
        _expect("Poses.keypoint_scores", self.keypoint_scores, self.keypoints.shape[:2])
        _expect("Poses.boxes_xyxy", self.boxes_xyxy, (len(self.keypoints), 4))
        _expect("Poses.scores", self.scores, (len(self.keypoints),))

    def __len__(self) -> int:
        return len(self.keypoints)

    @classmethod
    def none(cls, joints: int) -> "Poses":
        """Poses (0, `joints`, 2) of no people."""
        return cls(
            np.zeros((0, joints, 2), np.float32),
            np.zeros((0, joints), np.float32),
            np.zeros((0, 4), np.float32),
            np.zeros(0, np.float32),
        )

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> "Poses":
        """The poses at `which`, an index array or a mask over people; copies."""
        return Poses(self.keypoints[which], self.keypoint_scores[which], self.boxes_xyxy[which], self.scores[which])

    @classmethod
    def joined(cls, parts: Sequence["Poses"]) -> "Poses":
        """The poses of all `parts`, at least one, in their order; copies."""
        return cls(
            np.concatenate([part.keypoints for part in parts]),
            np.concatenate([part.keypoint_scores for part in parts]),
            np.concatenate([part.boxes_xyxy for part in parts]),
            np.concatenate([part.scores for part in parts]),
        )
