"""Response maps of parts, at several scales, become one person through a chain of joints.

Jain et al. 2014, "Learning Human Pose Estimation Features with Convolutional Networks".
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from posestream.engines.codecs import chain_flic7
from posestream.engines.codecs.boxes import around
from posestream.engines.codecs.chain_model import Reals, explain, kernels
from posestream.engines.codecs.subpixel import highest
from posestream.engines.geometry import each_to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import SKELETONS
from posestream.engines.spec import ModelSpec

_PEAK_CELLS = 5  # a peak is the largest response of so many cells on both axes ...
_PEAK_LEAST = 0.1  # ... and this or more, as in the authors' code
_FACE_SPREAD = 0.25  # of the width: the person who is meant is in the middle of the crop
_SIGMA_PX = 4.0  # of targets
_STRIDE_PX = 4.0  # between cells, in the picture as the network sees it
_ISOLATION_PX = 20.0  # a patch this far from the part is a negative one, as in the authors' code
_LEAST = 1e-6  # under the logarithm


class _Look(NamedTuple):
    """What one scale shows: `places` (N, K, 2) in input pixels, `scores` (N, K), `evidence` (N,)."""

    places: Reals
    scores: Reals
    evidence: Reals


class Chain:
    """Responses (N, K, h, w) for each scale, 0 to 1 -> one pose for each region, in order.

    K are the face, the left arm from the trunk outwards and the right one. Each scale is explained by itself, as one
    person of the size that the network knows; the scale that is explained best is taken. A joint is the peak of its
    response that its neighbours believe in most; its score is that response, or 0 where nothing responds, and then it
    is where it is most likely. The network knows people whose height is 1 / `crop_scale` of that of the input; `priors`
    are those of `chain_model.fit`.
    """

    def __init__(self, spec: ModelSpec, priors: NDArray[Any] = chain_flic7.PRIORS) -> None:
        self._skeleton = SKELETONS[spec.skeleton or ""]
        if len(self._skeleton) != 2 * len(priors) + 1:
            raise ValueError(f"{spec.name}: {len(priors)} links explain no skeleton of {len(self._skeleton)} joints")
        self._map_hw = tuple(n or 0 for n in spec.outputs[0].shape[-2:])
        self._crop_scale, self._priors = spec.input.crop_scale, priors

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Poses:
        people, joints = outputs[0].shape[:2]
        if not people:
            return Poses.none(joints)
        # Whatever the scale, the network sees somebody of its own size in as many cells.
        links = kernels(self._priors, self._crop_scale / outputs[0].shape[2])
        looks = [_look(responses, links, size_hw) for responses in outputs]
        best = np.stack([look.evidence for look in looks]).argmax(axis=0), np.arange(people)
        keypoints = each_to_frame(np.stack([look.places for look in looks])[best], regions, size_hw)
        scores = np.stack([look.scores for look in looks])[best].clip(0, 1).astype(np.float32)
        in_mirror = np.array([region.width_px < 0 for region in regions])
        keypoints[in_mirror] = keypoints[in_mirror][:, self._skeleton.mirror]
        scores[in_mirror] = scores[in_mirror][:, self._skeleton.mirror]
        return Poses(keypoints, scores, around(keypoints, scores, _PEAK_LEAST), scores.mean(axis=1))

    def encode(self, people: Poses, size_hw: tuple[int, int]) -> tuple[Floats, ...]:
        """Of one person the responses (K, h, w) at the first scale: exp(-d^2 / (2 (4 px)^2)) for the patch at a
        distance d from the joint, 0 from 20 px on; -1 for joints not labelled, or outside.

        The paper's are 1 near the joint, nothing between, and 0 from 20 px on; graded, they say where between cells a
        joint is.
        """
        size_wh, map_wh = np.array(size_hw[::-1]), np.array(self._map_hw[::-1])
        points = people.keypoints[0].astype(np.float64)
        inside = ((points > -0.5) & (points < size_wh - 0.5)).all(axis=1) & (people.keypoint_scores[0] > 0)
        columns, rows = (((np.arange(n) + 0.5) * px / n - 0.5) for n, px in zip(map_wh, size_wh, strict=True))
        squares = (rows[:, None] - points[:, 1, None, None]) ** 2 + (columns - points[:, 0, None, None]) ** 2
        near = np.exp(-squares / (2 * _SIGMA_PX**2)) * (squares < _ISOLATION_PX**2)
        return (np.where(inside[:, None, None], near, -1.0).astype(np.float32),)


def _look(responses: NDArray[Any], links: Reals, size_hw: tuple[int, int]) -> _Look:
    people, joints, *map_hw = responses.shape
    beliefs, evidence = explain(responses, links, _in_the_middle(map_hw[1]))
    peaks = (responses >= _PEAK_LEAST) & (responses >= maximum_filter(responses, (1, 1, _PEAK_CELLS, _PEAK_CELLS)))
    found = np.asarray(peaks.any(axis=(2, 3)))
    candidates = np.where(peaks | ~found[..., None, None], beliefs, -1.0).reshape(people * joints, *map_hw)
    flat = responses.reshape(candidates.shape)
    cells, _ = highest(candidates)
    scores = flat[np.arange(len(flat)), cells[:, 1], cells[:, 0]].reshape(people, joints) * found
    places = cells + np.where(found.reshape(-1, 1), _between_cells(flat, cells), 0.0)
    pixels = (places + 0.5) * (np.array(size_hw[::-1]) / map_hw[::-1]) - 0.5
    return _Look(pixels.reshape(people, joints, 2), scores, evidence)


def _in_the_middle(width: int) -> Reals:
    return np.asarray(np.exp(-(((np.arange(width) + 0.5) / width - 0.5) ** 2) / (2 * _FACE_SPREAD**2)))


def _between_cells(maps: NDArray[Any], cells: NDArray[np.intp]) -> Reals:
    """How far (M, 2), half a cell at most, the top of a Gaussian through each cell (M, 2) and its neighbours is."""
    steps = []
    for axis, size in ((0, maps.shape[2]), (1, maps.shape[1])):
        before, at, after = (_logarithms(maps, cells, axis, step) for step in (-1, 0, 1))
        # Beyond the map goes on what targets do.
        bend = -((_STRIDE_PX / _SIGMA_PX) ** 2)
        before = np.where(cells[:, axis] == 0, bend + 2 * at - after, before)
        after = np.where(cells[:, axis] == size - 1, bend + 2 * at - before, after)
        curvature = np.minimum(before - 2 * at + after, -_LEAST)
        steps.append(((before - after) / (2 * curvature)).clip(-0.5, 0.5))
    return np.stack(steps, axis=1)


def _logarithms(maps: NDArray[Any], cells: NDArray[np.intp], axis: int, step: int) -> Reals:
    moved = cells.copy()
    moved[:, axis] = (moved[:, axis] + step).clip(0, maps.shape[2 - axis] - 1)
    return np.log(np.maximum(maps[np.arange(len(maps)), moved[:, 1], moved[:, 0]].astype(np.float64), _LEAST))
