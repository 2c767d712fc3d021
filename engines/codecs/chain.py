"""Response maps of parts at several scales to one person, by the marginals of a chain of joints.

Jain et al. 2014, "Learning Human Pose Estimation Features with Convolutional Networks".
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from posestream.engines.codecs import chain_priors
from posestream.engines.codecs.boxes import around
from posestream.engines.codecs.chain_model import marginals
from posestream.engines.codecs.chain_priors import Reals
from posestream.engines.codecs.subpixel import highest
from posestream.engines.geometry import each_to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import SKELETONS
from posestream.engines.spec import ModelSpec

_PEAK_CELLS = 5  # side of the window in which a peak is the maximum, as in the authors' code
_MIN_PEAK = 0.1  # as in the authors' code
_FACE_SPREAD = 0.25  # sigma of the face's column prior in widths: the person of the crop is in its middle
_SIGMA_PX = 4.0  # of targets
_STRIDE_PX = 4.0  # between cells, in the image at the network's size
_ISOLATION_PX = 20.0  # distance from the part at which patches are negative, as in the authors' code
_EPSILON = 1e-6  # under the logarithm


class _Scale(NamedTuple):
    """The person at one scale: `places` (N, K, 2) in input pixels, `scores` (N, K), `evidence` (N,)."""

    places: Reals
    scores: Reals
    evidence: Reals


class Chain:
    """Responses (N, K, h, w), 0 to 1, at each scale -> one pose a region, in order.

    The K joints are the face, the left arm from the trunk outwards and the right arm. Marginals are computed at each
    scale for one person of the network's size; the scale of the largest evidence is taken. A joint is the peak of its
    response with the largest marginal, and its score is that response; without a peak the joint is at the maximum of
    the marginal, with score 0. The network's people are 1 / `crop_scale` as high as its input. `priors` (L, 13, 13) are
    those of `chain_priors.fit`, by default of `chain_priors.read`. Raises ValueError where the skeleton has no priors
    or another number of joints.
    """

    def __init__(self, spec: ModelSpec, priors: Reals | None = None) -> None:
        self._skeleton = SKELETONS[spec.skeleton or ""]
        self._priors = chain_priors.read(self._skeleton) if priors is None else priors
        if len(self._skeleton) != 2 * len(self._priors) + 1:
            joints = len(self._skeleton)
            raise ValueError(f"{spec.name}: {len(self._priors)} links do not fit a skeleton of {joints} joints")
        self._map_hw = tuple(n or 0 for n in spec.outputs[0].shape[-2:])
        self._crop_scale = spec.input.crop_scale

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Poses:
        people, joints = outputs[0].shape[:2]
        if not people:
            return Poses.none(joints)
        # At every scale a person of the network's size has the same height in cells.
        links = chain_priors.kernels(self._priors, self._crop_scale / outputs[0].shape[2])
        scales = [_at_scale(responses, links, size_hw) for responses in outputs]
        best = np.stack([scale.evidence for scale in scales]).argmax(axis=0), np.arange(people)
        places = np.stack([scale.places for scale in scales])[best]
        scores = np.stack([scale.scores for scale in scales])[best].clip(0, 1).astype(np.float32)
        keypoints, scores = self._skeleton.unmirror(
            each_to_frame(places, regions, size_hw), scores, [region.mirrored for region in regions]
        )
        return Poses(keypoints, scores, around(keypoints, scores, _MIN_PEAK), scores.mean(axis=1))

    def encode(self, people: Poses, size_hw: tuple[int, int]) -> tuple[Floats, ...]:
        """The target responses (K, h, w) of one person at the first scale: exp(-d^2 / (2 (4 px)^2)) for a patch at a
        distance d from the joint, 0 from 20 px on; -1 for joints that are unlabelled or outside the image.

        The paper's are 1 near the joint, undefined between, and 0 from 20 px on; a graded target locates the joint
        between cells.
        """
        size_wh, map_wh = np.array(size_hw[::-1]), np.array(self._map_hw[::-1])
        points = people.keypoints[0].astype(np.float64)
        inside = ((points > -0.5) & (points < size_wh - 0.5)).all(axis=1) & (people.keypoint_scores[0] > 0)
        columns, rows = (((np.arange(n) + 0.5) * px / n - 0.5) for n, px in zip(map_wh, size_wh, strict=True))
        squares = (rows[:, None] - points[:, 1, None, None]) ** 2 + (columns - points[:, 0, None, None]) ** 2
        near = np.exp(-squares / (2 * _SIGMA_PX**2)) * (squares < _ISOLATION_PX**2)
        return (np.where(inside[:, None, None], near, -1.0).astype(np.float32),)


def _at_scale(responses: NDArray[Any], links: Reals, size_hw: tuple[int, int]) -> _Scale:
    people, joints, *map_hw = responses.shape
    beliefs, evidence = marginals(responses, links, _face_prior(map_hw[1]))
    peaks = (responses >= _MIN_PEAK) & (responses >= maximum_filter(responses, (1, 1, _PEAK_CELLS, _PEAK_CELLS)))
    found = np.asarray(peaks.any(axis=(2, 3)))
    candidates = np.where(peaks | ~found[..., None, None], beliefs, -1.0).reshape(people * joints, *map_hw)
    flat = responses.reshape(candidates.shape)
    cells, _ = highest(candidates)
    scores = flat[np.arange(len(flat)), cells[:, 1], cells[:, 0]].reshape(people, joints) * found
    places = cells + np.where(found.reshape(-1, 1), _sub_cell(flat, cells), 0.0)
    pixels = (places + 0.5) * (np.array(size_hw[::-1]) / map_hw[::-1]) - 0.5
    return _Scale(pixels.reshape(people, joints, 2), scores, evidence)


def _face_prior(width: int) -> Reals:
    """(width,) a Gaussian about the middle column."""
    return np.asarray(np.exp(-(((np.arange(width) + 0.5) / width - 0.5) ** 2) / (2 * _FACE_SPREAD**2)))


def _sub_cell(maps: NDArray[Any], cells: NDArray[np.intp]) -> Reals:
    """(M, 2) from each cell (M, 2) to the maximum of a Gaussian through it and its neighbours, up to half a cell."""
    steps = []
    for axis, size in ((0, maps.shape[2]), (1, maps.shape[1])):
        before, at, after = (_logarithms(maps, cells, axis, step) for step in (-1, 0, 1))
        # Cells beyond the map continue the Gaussian of a target.
        bend = -((_STRIDE_PX / _SIGMA_PX) ** 2)
        before = np.where(cells[:, axis] == 0, bend + 2 * at - after, before)
        after = np.where(cells[:, axis] == size - 1, bend + 2 * at - before, after)
        curvature = np.minimum(before - 2 * at + after, -_EPSILON)
        steps.append(((before - after) / (2 * curvature)).clip(-0.5, 0.5))
    return np.stack(steps, axis=1)


def _logarithms(maps: NDArray[Any], cells: NDArray[np.intp], axis: int, step: int) -> Reals:
    moved = cells.copy()
    moved[:, axis] = (moved[:, axis] + step).clip(0, maps.shape[2 - axis] - 1)
    return np.log(np.maximum(maps[np.arange(len(maps)), moved[:, 1], moved[:, 0]].astype(np.float64), _EPSILON))
