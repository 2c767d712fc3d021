"""The interfaces of codecs, which decode a network's outputs into people and encode people as training targets."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from posestream.engines.plan import Region
from posestream.engines.results import Boxes, Floats, Poses


class Codec(Protocol):
    """Decoder of the outputs of one network."""

    def decode(
        self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]
    ) -> Boxes | Poses:
        """The people in one frame, in frame pixels.

        `outputs` are the tensors of `ModelSpec.outputs`, each (N, ...) for N `regions` of one frame, which filled
        inputs of height and width `size_hw`; they are read only and not kept. Detectors return `Boxes`, all other
        codecs `Poses` in the skeleton of the spec: top-down codecs one pose a region, in order, the others the people
        of all regions, best first. Left and right are the person's own, in mirrored regions too. A joint that the
        network did not find has score 0.
        """
        ...


@runtime_checkable
class FromKeypoints(Protocol):
    """A top-down codec that can finish from keypoints already decoded on the GPU."""

    def poses(self, keypoints: Floats, keypoint_scores: Floats) -> Poses:
        """N poses with boxes and scores, from `keypoints` (N, K, 2) in frame pixels and `keypoint_scores` (N, K)."""
        ...


@runtime_checkable
class MirrorMean(Protocol):
    """A top-down codec whose flip test averages network outputs rather than decoded poses."""

    def flip_mean(self, outputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """The mean outputs of N images, from outputs (2N, ...) of N images followed by the same images mirrored."""
        ...


@runtime_checkable
class ScaleMean(Protocol):
    """A top-down codec whose multi-scale test averages network outputs rather than decoded poses."""

    def scale_mean(
        self, by_scale: Sequence[Sequence[NDArray[Any]]], scales: Sequence[float], size_hw: tuple[int, int]
    ) -> list[NDArray[Any]]:
        """The mean outputs (N, ...) at scale 1, from the outputs of N images at each of `scales` (`at_scale`)."""
        ...


class Encoder(Protocol):
    """Encoder of known people as training targets of one network. Most codecs are encoders too."""

    def encode(self, people: Poses, size_hw: tuple[int, int]) -> tuple[NDArray[np.float32], ...]:
        """The targets for one image of height and width `size_hw`, without a batch axis.

        `people` are in pixels of that image, in the skeleton of the spec; joints with score 0 are unlabelled and
        excluded from the loss. A top-down codec takes one person. The codec defines the arrays; the loss of the network
        (`engines.losses`) takes them in this order, with the batch axis in front.
        """
        ...
