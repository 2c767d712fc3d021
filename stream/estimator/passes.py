"""One pass of a network over a frame, in this process: the steps of preprocess and infer, one after the other."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from posestream.engines.backends.protocol import Backend
from posestream.engines.pixels import Preprocessor
from posestream.engines.plan import PixelFormat, Plan, Region
from posestream.engines.spec import ModelSpec
from posestream.stream.people.scene import PassResult
from posestream.stream.stages.infer import runner
from posestream.stream.stages.preprocess import preprocess


class FramePixels(NamedTuple):
    """A frame: `picture` as `Ring.picture` gives it, in that format, and its height and width in pixels."""

    picture: NDArray[np.uint8]
    pixel_format: PixelFormat
    size_hw: tuple[int, int]


class NetworkInput(NamedTuple):
    """What a network is to see of a frame: a batch, and the region that each image of it shows."""

    network: ModelSpec
    regions: tuple[Region, ...]
    tensor: NDArray[Any]


class Cutter:
    """Makes the inputs of a plan's networks. Keeps scratch memory: one for each thread."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._preprocessors = {network.name: Preprocessor(network.input) for network in plan.networks}

    def __call__(self, network: ModelSpec, pixels: FramePixels, regions: Sequence[Region]) -> NetworkInput:
        """The crops that `regions` ask for, or where the network sees whole frames, all of it."""
        shape = preprocess.shape_of(self._plan, network.input, regions, pixels.size_hw)
        tensor = np.empty(shape.tensor, network.input.tensor.dtype)
        preprocess.cut(self._preprocessors[network.name], pixels.picture, pixels.pixel_format, shape.regions, tensor)
        return NetworkInput(network, shape.regions, tensor)


def infer(backend: Backend, inputs: Sequence[NetworkInput]) -> list[PassResult]:
    """Runs one network over the inputs of several frames. Raises BackendError."""
    outputs = [
        [
            np.empty(size, spec.dtype)
            for size, spec in zip(backend.output_shapes(each.tensor.shape), each.network.outputs, strict=True)
        ]
        for each in inputs
    ]
    runner.step(backend, [each.tensor for each in inputs], outputs)
    return [
        PassResult(each.network.name, each.regions, each.network.input.image_hw(each.tensor.shape), found)
        for each, found in zip(inputs, outputs, strict=True)
    ]
