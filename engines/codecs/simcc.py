"""SimCC: the x and y of a joint as two classifications over bins finer than pixels.

Li et al. 2022, "SimCC: a Simple Coordinate Classification Perspective for Human Pose Estimation", as trained and
decoded for RTMPose (Jiang et al. 2023) in MMPose.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs.boxes import around
from posestream.engines.geometry import each_to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import SKELETONS
from posestream.engines.spec import ModelSpec

_BOX_JOINT_SCORE = 0.3  # min score of joints in a pose's box, MMPose's threshold for drawing


class SimCC:
    """Logits of x (N, K, X bins) and y (N, K, Y bins) -> one pose a region, in order.

    A joint is at the arg-max of both; bin i of B is at pixel i * side / B. Its score is the smaller of the two maxima
    (MMPose) or, with `score="mean"`, their mean (rtmlib); a score of 0 or less means not found. Trained logits peak at
    about 1. `scores` of the poses are the means of their joints' scores. Raises ValueError where `score` is another.

    Targets are x (K, X bins) and y (K, Y bins), Gaussians of height 1 and of `sigmas` bins about the joint's bin, and
    weights (K,): 1 for labelled joints whose Gaussians reach into the image, else 0.
    """

    def __init__(
        self, spec: ModelSpec, score: Literal["min", "mean"] = "min", sigmas: tuple[float, float] = (4.9, 5.66)
    ) -> None:
        if score not in {"min", "mean"}:
            raise ValueError(f'{spec.name}: simcc: score = "{score}": it must be "min" or "mean"')
        self._skeleton = SKELETONS[spec.skeleton or "coco17"]
        self._bins = [output.shape[-1] or 0 for output in spec.outputs]
        self.score, self._sigmas = score, np.array(sigmas)

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Poses:
        if not regions:
            return Poses.none(len(self._skeleton))
        bins = np.stack([logits.argmax(axis=-1) for logits in outputs], axis=-1)  # (N, K, 2)
        peaks = np.stack([logits.max(axis=-1) for logits in outputs])
        scores = peaks.min(axis=0) if self.score == "min" else peaks.mean(axis=0)
        keypoint_scores = np.where(scores > 0, scores, 0).astype(np.float32)
        keypoints = each_to_frame(bins * self._bin_px(size_hw), regions, size_hw)
        return self.poses(*self._skeleton.unmirror(keypoints, keypoint_scores, [region.mirrored for region in regions]))

    def poses(self, keypoints: Floats, keypoint_scores: Floats) -> Poses:
        """The poses of keypoints (N, K, 2) in frame pixels with scores (N, K)."""
        boxes = around(keypoints, keypoint_scores, _BOX_JOINT_SCORE)
        return Poses(keypoints, keypoint_scores, boxes, keypoint_scores.mean(axis=1))

    def flip_mean(self, outputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Logits of N regions followed by those of the same regions mirrored, (2N, K, bins) -> their N means.

        As in MMPose, which reverses the bins: its mirrored x lies one bin, half a pixel, to the right.
        """
        people = len(outputs[0]) // 2
        x, y = self._skeleton.unmirror_maps(outputs[0][people:]), outputs[1][people:, self._skeleton.mirror]
        return [(outputs[0][:people] + x) / 2, (outputs[1][:people] + y) / 2]

    def encode(self, people: Poses, size_hw: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
        middles = np.rint(people.keypoints[0] / self._bin_px(size_hw))  # (K, 2)
        reach = 3 * self._sigmas
        labelled = people.keypoint_scores[0] > 0
        reaches_in = ((middles + reach + 1 >= 0) & (middles - reach < self._bins)).all(axis=-1)
        weights = labelled & reaches_in
        x, y = (
            np.exp(-((np.arange(bins) - middle[:, None]) ** 2) / (2 * sigma**2)) * weights[:, None]
            for bins, middle, sigma in zip(self._bins, middles.T, self._sigmas, strict=True)
        )
        return x.astype(np.float32), y.astype(np.float32), weights.astype(np.float32)

    def _bin_px(self, size_hw: tuple[int, int]) -> NDArray[np.float64]:
        """(2,) pixels in a bin of x and in a bin of y."""
        return np.array(size_hw[::-1]) / self._bins
