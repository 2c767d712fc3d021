"""What a network is shown and what it should answer: crops or whole images, made as the live pipeline makes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs import codec_for
from posestream.engines.geometry import crop_around, to_input, whole_frame
from posestream.engines.pixels import Preprocessor
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import SKELETONS
from posestream.engines.spec import Fit, ModelSpec
from tools.train import TrainError
from tools.train.scenes import Scene, labels


@dataclass(frozen=True, slots=True)
class Sample:
    """One input and its answer.

    `pixels` is one image of the input tensor, `targets` are those of the codec; `people` are who is in it, in pixels of
    the scene's image and in the model's skeleton; `region` is the part of that image that fills the input.
    """

    pixels: Floats
    targets: tuple[NDArray[Any], ...]
    people: Poses
    region: Region


def make(spec: ModelSpec, scenes: Sequence[Scene]) -> list[Sample]:
    """A sample for each person where the model poses one person in a crop, else one for each image.

    Raises TrainError where the codec makes no targets, or none for the model's skeleton, or nobody has a joint of it.
    """
    try:
        encode = getattr(codec_for(spec), "encode", None)
    except ValueError as error:
        raise TrainError(f"{spec.name}: {error}") from None
    size_hw = spec.input.size_hw
    if encode is None or size_hw is None or spec.skeleton is None:
        raise TrainError(f"{spec.name}: its codec {spec.codec!r} makes no targets to train with")
    cut = Preprocessor(spec.input)
    samples = []
    shape = tuple(n or 0 for n in spec.input.tensor.shape[1:])
    for scene in scenes:
        people = labels(scene.people, scene.skeleton, SKELETONS[spec.skeleton])
        people = people.take(np.nonzero((people.keypoint_scores > 0).any(axis=1))[0])
        for region, shown in _looks(spec, scene, people):
            pixels = np.empty(shape, spec.input.tensor.dtype)
            cut(scene.image, "bgr24", region, pixels)
            samples.append(Sample(pixels, encode(_in_input(shown, region, size_hw), size_hw), shown, region))
    if not samples:
        raise TrainError(f"{spec.name}: nobody has a labelled joint of its skeleton {spec.skeleton}")
    return samples


def _looks(spec: ModelSpec, scene: Scene, people: Poses) -> list[tuple[Region, Poses]]:
    """The parts of a scene that the model sees, each with the people who are meant."""
    if spec.input.fit is not Fit.CROP:
        region, _ = whole_frame(spec.input, scene.size_hw)
        return [(region, people)] if len(people) else []
    each = [people.take(np.array([i], np.intp)) for i in range(len(people))]
    return [(crop_around(one.boxes_xyxy[0], spec.input, spec.input.crop_scale), one) for one in each]


def _in_input(people: Poses, region: Region, size_hw: tuple[int, int]) -> Poses:
    """The same people in pixels of the input that `region` fills."""
    there = to_input(region, size_hw)
    keypoints, corners = (
        (points.astype(np.float64) @ there[:, :2].T + there[:, 2]).astype(np.float32)
        for points in (people.keypoints, people.boxes_xyxy.reshape(-1, 2, 2))
    )
    return Poses(keypoints, people.keypoint_scores, corners.reshape(-1, 4), people.scores)
