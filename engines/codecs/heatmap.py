"""Heat maps: one map a joint, with its peak at the joint; the output of most top-down networks of the literature.

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

# The pixel of cell i of n cells in an input of N pixels, by the convention that the network was trained with.
_TO_PIXELS: Mapping[Align, Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[Any]]] = {
    "corner": lambda cells, pixels, n: cells * (pixels / n),  # HRNet
    "centre": lambda cells, pixels, n: (cells + 0.5) * (pixels / n) - 0.5,  # Hourglass, as images are resized
    "udp": lambda cells, pixels, n: cells * ((pixels - 1) / np.maximum(n - 1, 1)),
}
_TO_CELLS: Mapping[Align, Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[Any]]] = {
    "corner": lambda points, pixels, n: points / (pixels / n),
    "centre": lambda points, pixels, n: (points + 0.5) / (pixels / n) - 0.5,
    "udp": lambda points, pixels, n: points / ((pixels - 1) / np.maximum(n - 1, 1)),
}
_SURE = 0.2  # min score of joints that count for the pose's score and box, as in HRNet's evaluation
_REACH = 3  # standard deviations at which a target's Gaussian is cut off to 0, as in HRNet's


class HeatMaps:
    """Maps (N, K, h, w) of the skeleton's K joints -> one pose a region, in order.

    `mode` is the sub-cell refinement (`subpixel`), `align` the place of cells in the input. A joint's score is the
    peak's value, 0 to 1; `scores` are the means of the joints' scores above 0.2. Targets are Gaussians of `sigma`
    cells, centred on the nearest cell if `quantised`. `shift` moves the maps of mirrored images one cell to the right
    before averaging: the left edge of a cell in one image is the right edge in the other. `centred` adds a target
    (`encode`).
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
        return self.poses(*self._skeleton.unmirror(keypoints, scores, [region.mirrored for region in regions]))

    def poses(self, keypoints: Floats, keypoint_scores: Floats) -> Poses:
        """The poses of keypoints (N, K, 2) in frame pixels with scores (N, K)."""
        boxes = around(keypoints, keypoint_scores, _SURE)
        return Poses(keypoints, keypoint_scores, boxes, _mean_of_sure(keypoint_scores))

    def flip_mean(self, outputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Maps of N images followed by those of the same images mirrored, (2N, K, h, w) -> their mean (N, K, h, w)."""
        plain, mirrored = np.split(outputs[0], 2)
        unmirrored = self._skeleton.unmirror_maps(mirrored)
        mean = plain.astype(np.float32)
        if self._shift:
            mean[..., 1:] += unmirrored[..., :-1]
            mean[..., 0] += unmirrored[..., 0]
        else:
            mean += unmirrored
        mean *= 0.5
        return [mean]

    def scale_mean(
        self, by_scale: Sequence[Sequence[NDArray[Any]]], scales: Sequence[float], size_hw: tuple[int, int]
    ) -> list[NDArray[np.float32]]:
        """Maps (N, K, h, w) of the same people at each of `scales` -> their mean (N, K, h, w) at scale 1."""
        map_hw = by_scale[0][0].shape[-2:]
        size_wh = np.array(size_hw[::-1])
        centre = _TO_CELLS[self.align]((size_wh - 1) / 2, size_wh, np.array(map_hw[::-1]))
        return [mean_over_scales([maps for (maps, *_) in by_scale], scales, centre)]

    def encode(self, people: Poses, size_hw: tuple[int, int]) -> tuple[Floats, ...]:
        """The maps (K, h, w) and weights (K,) of one person: 0 for joints that are unlabelled or outside the map.

        If `centred`, also the maps of that person in the middle of the crop, the target of RMPE's parallel network.
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
    """Maps (K, h, w) of exp(-d^2 / (2 sigma^2)) about centres (K, 2) in cells, 0 beyond 3 sigma, times weights (K,)."""
    columns, rows = (
        np.arange(n) - centres[:, axis, None] for axis, n in enumerate((map_hw[1], map_hw[0]))
    )  # (K, w), (K, h)
    x, y = (np.exp(-(d**2) / (2 * sigma**2)) * (np.abs(d) <= _REACH * sigma) for d in (columns, rows))
    maps: Floats = (weights[:, None, None] * y[:, :, None] * x[:, None]).astype(np.float32)
    return maps


def _mean_of_sure(scores: Floats) -> Floats:
    """(N,) the mean of the scores (N, K) above 0.2, 0 if there are none."""
    sure = scores > _SURE
    mean: Floats = ((scores * sure).sum(axis=1) / np.maximum(sure.sum(axis=1), 1)).astype(np.float32)
    return mean
