"""Heat maps: a map a joint, whose peak is the joint. What most networks of the literature give for one person.

Tompson et al. 2014, "Joint Training of a Convolutional Network and a Graphical Model for Human Pose Estimation".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs.boxes import around
from posestream.engines.codecs.multi_scale import mean_over_scales
from posestream.engines.codecs.subpixel import REFINEMENTS, highest
from posestream.engines.geometry import each_to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import SKELETONS
from posestream.engines.spec import ModelSpec

Align: TypeAlias = Literal["corner", "centre", "udp"]
Mode: TypeAlias = Literal["argmax", "quarter", "quarter-hrnet", "enlarged", "dark", "udp"]

# Where the centre of cell i of a map of n cells lies in an input of N pixels; networks differ in their training.
_TO_PIXELS: Mapping[Align, Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[Any]]] = {
    "corner": lambda cells, pixels, n: cells * (pixels / n),  # HRNet
    "centre": lambda cells, pixels, n: (cells + 0.5) * (pixels / n) - 0.5,  # Hourglass, as pictures are scaled
    "udp": lambda cells, pixels, n: cells * ((pixels - 1) / np.maximum(n - 1, 1)),
}
_TO_CELLS: Mapping[Align, Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[Any]]] = {
    "corner": lambda points, pixels, n: points / (pixels / n),
    "centre": lambda points, pixels, n: (points + 0.5) / (pixels / n) - 0.5,
    "udp": lambda points, pixels, n: points / ((pixels - 1) / np.maximum(n - 1, 1)),
}
_SURE = 0.2  # joints with this score count for the pose's score and box, as in HRNet's evaluation
_REACH = 3  # of a target's Gaussian, in standard deviations: beyond it is 0, as in HRNet's


class HeatMaps:
    """Maps (N, K, h, w) -> one pose for each region, in order; K are the joints of the skeleton.

    `mode` is how a place between cells is found (`subpixel`), `align` where cells lie in the input. A joint's score is
    the peak's value, 0 to 1; `scores` are the means of the joints' scores above 0.2. Targets are Gaussians of `sigma`
    cells, around the nearest cell where `quantised`. `shift` moves the maps of mirrored images a cell to the right
    before their mean is taken: what is at the left edge of cells in one picture is at the right edge in the other.
    `centred` adds a target (see `encode`).
    """

    def __init__(
        self,
        spec: ModelSpec,
        mode: Mode = "quarter",
        align: Align = "corner",
        sigma: float = 2.0,
        quantised: bool = True,
        shift: bool = False,
        centred: bool = False,
    ) -> None:
        self._skeleton = SKELETONS[spec.skeleton or ""]
        self._map_hw = tuple(n or 0 for n in spec.outputs[0].shape[-2:])
        self.mode, self.align, self.sigma = mode, align, sigma
        self._quantised, self._shift, self._centred = quantised, shift, centred

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Poses:
        maps = outputs[0]
        people, joints, *map_hw = maps.shape
        if not people:
            return Poses.none(joints)
        flat = maps.reshape(people * joints, *map_hw)
        cells, values = highest(flat)
        places = REFINEMENTS[self.mode](flat, cells, self.sigma).reshape(people, joints, 2)
        pixels = _TO_PIXELS[self.align](places, np.array(size_hw[::-1]), np.array(map_hw[::-1]))
        keypoints = each_to_frame(pixels, regions, size_hw)
        scores = values.reshape(people, joints).clip(0, 1).astype(np.float32)
        in_mirror = np.array([region.width_px < 0 for region in regions])
        keypoints[in_mirror] = keypoints[in_mirror][:, self._skeleton.mirror]
        scores[in_mirror] = scores[in_mirror][:, self._skeleton.mirror]
        return self.poses(keypoints, scores)

    def poses(self, keypoints: Floats, keypoint_scores: Floats) -> Poses:
        """What is left once the joints are found: (N, K, 2) in frame pixels, and their scores (N, K)."""
        boxes = around(keypoints, keypoint_scores, _SURE)
        return Poses(keypoints, keypoint_scores, boxes, _mean_of_sure(keypoint_scores))

    def flip_mean(self, outputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Maps of N images followed by those of the same images mirrored, (2N, K, h, w) -> their mean (N, K, h, w)."""
        straight, mirrored = np.split(outputs[0], 2)
        turned = mirrored[:, self._skeleton.mirror][..., ::-1]
        mean = straight.astype(np.float32)
        if self._shift:
            mean[..., 1:] += turned[..., :-1]
            mean[..., 0] += turned[..., 0]
        else:
            mean += turned
        mean *= 0.5
        return [mean]

    def scale_mean(
        self, looks: Sequence[Sequence[NDArray[Any]]], scales: Sequence[float], size_hw: tuple[int, int]
    ) -> list[NDArray[np.float32]]:
        """Maps of the same people at each of `scales`, (N, K, h, w) each -> their mean as at scale 1."""
        map_hw = looks[0][0].shape[-2:]
        size_wh = np.array(size_hw[::-1])
        middle = _TO_CELLS[self.align]((size_wh - 1) / 2, size_wh, np.array(map_hw[::-1]))
        return [mean_over_scales([maps for (maps, *_) in looks], scales, middle)]

    def encode(self, people: Poses, size_hw: tuple[int, int]) -> tuple[Floats, ...]:
        """Of one person the maps (K, h, w) and the weights (K,): 0 for joints not labelled, or outside the map.

        Where `centred`, also the maps of that person in the middle of the crop, which is what RMPE's parallel network
        is held against.
        """
        maps, weights = self._targets(people, size_hw)
        if not self._centred:
            return maps, weights
        labelled = people.keypoints[0][people.keypoint_scores[0] > 0]
        middle = (labelled.min(axis=0) + labelled.max(axis=0)) / 2 if len(labelled) else np.zeros(2, np.float32)
        moved = people.keypoints + (np.array(size_hw[::-1], np.float32) - 1) / 2 - middle
        in_the_middle = Poses(moved.astype(np.float32), people.keypoint_scores, people.boxes_xyxy, people.scores)
        return maps, weights, self._targets(in_the_middle, size_hw)[0]

    def _targets(self, people: Poses, size_hw: tuple[int, int]) -> tuple[Floats, Floats]:
        map_wh = np.array(self._map_hw[::-1])
        centres = _TO_CELLS[self.align](people.keypoints[0].astype(np.float64), np.array(size_hw[::-1]), map_wh)
        if self._quantised:
            centres = np.floor(centres + 0.5)
        inside = ((centres > -0.5) & (centres < map_wh - 0.5)).all(axis=1)
        weights = ((people.keypoint_scores[0] > 0) & inside).astype(np.float32)
        return gaussians(centres, weights, self._map_hw, self.sigma), weights


def gaussians(centres: NDArray[np.float64], weights: Floats, map_hw: Sequence[int], sigma: float) -> Floats:
    """Maps (K, h, w): exp(-d^2 / (2 sigma^2)) about centres (K, 2) in cells, 0 beyond three sigma, times a weight."""
    columns, rows = (
        np.arange(n) - centres[:, axis, None] for axis, n in enumerate((map_hw[1], map_hw[0]))
    )  # (K, w), (K, h)
    x, y = (np.exp(-(d**2) / (2 * sigma**2)) * (np.abs(d) <= _REACH * sigma) for d in (columns, rows))
    maps: Floats = (weights[:, None, None] * y[:, :, None] * x[:, None]).astype(np.float32)
    return maps


def _mean_of_sure(scores: Floats) -> Floats:
    """(N,) the mean of the joints' scores (N, K) that are sure, 0 where none is."""
    sure = scores > _SURE
    mean: Floats = ((scores * sure).sum(axis=1) / np.maximum(sure.sum(axis=1), 1)).astype(np.float32)
    return mean
