"""The one interface to what turns a network's outputs into people."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from posestream.engines.plan import Region
from posestream.engines.results import Boxes, Floats, Poses


class Codec(Protocol):
    """Decodes the outputs of one network."""

    def decode(
        self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]
    ) -> Boxes | Poses:
        """The people in one frame, in frame pixels.

        `outputs` are the tensors of `ModelSpec.outputs`, each with one entry on axis 0 for each of `regions`, which
        filled an input of height and width `size_hw`; they are read only and not kept. All regions are of one frame.
        Detectors give `Boxes`, all others `Poses` in the skeleton of the spec. A top-down codec gives one pose for
        each region, in their order; others put together what the regions show, best first. Left and right are the
        person's own in mirrored regions too. What the network did not find is absent, and a joint that it did not
        find has score 0.
        """
        ...


@runtime_checkable
class FromKeypoints(Protocol):
    """What codecs of one person have whose joints a GPU can find: the rest of `decode`, once they are found."""

    def poses(self, keypoints: Floats, keypoint_scores: Floats) -> Poses:
        """One pose for each of N regions: `keypoints` (N, K, 2) in frame pixels, `keypoint_scores` (N, K)."""
        ...


@runtime_checkable
class MirrorMean(Protocol):
    """What codecs of one person have whose authors take the mean of outputs in a flip test, and not of poses."""

    def flip_mean(self, outputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Of the outputs of 2N images, N and the same mirrored, N outputs as of the images that are not mirrored."""
        ...


@runtime_checkable
class ScaleMean(Protocol):
    """The same for the multi-scale test."""

    def scale_mean(
        self, looks: Sequence[Sequence[NDArray[Any]]], scales: Sequence[float], size_hw: tuple[int, int]
    ) -> list[NDArray[Any]]:
        """Of the outputs of N images `geometry.at_scale` of each of `scales`, N outputs as at scale 1."""
        ...


class Encoder(Protocol):
    """The other way: what a network should have given for known people, to train it. Most codecs are encoders too."""

    def encode(self, people: Poses, size_hw: tuple[int, int]) -> tuple[NDArray[np.float32], ...]:
        """The targets for one image of height and width `size_hw`, without an axis for the batch.

        `people` are in pixels of that image, in the skeleton of the spec; joints with score 0 are not labelled, and
        the loss is to leave them out. A top-down codec takes one person. What the arrays mean, the codec says; the
        loss of the network (`engines.losses`) takes them in this order, with an axis for the batch in front.
        """
        ...
