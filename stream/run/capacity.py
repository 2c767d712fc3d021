"""Frames in flight a camera, slots a ring, and bytes a slot."""

import math
from typing import Literal

import numpy as np

from posestream.engines.geometry import largest_hw
from posestream.engines.plan import Plan
from posestream.engines.spec import ModelSpec, Role, TensorSpec
from posestream.stream.config import Config
from posestream.stream.run.topology import CameraSpec

FRAMES_LATEST = 1  # in flight, if regions feed back: the next frame is the newest when this one is done
FRAMES_LATEST_FREE = 3  # in flight, if they do not: one in each stage
FRAMES_EVERY = 6  # in flight, of a file: decoded ahead
MAX_IN_STAGES = 4  # frames of a worker's cameras between preprocess and postprocess
SPARE_SLOTS = 3  # beyond the leased ones: a reader without a lease has that many frames' time to copy one


def frames_under_way(plan: Plan, camera: CameraSpec) -> int:
    """Frames of a camera that may be leased at a time."""
    if camera.policy == "every":
        return FRAMES_EVERY
    return FRAMES_LATEST if plan.feeds_back else FRAMES_LATEST_FREE


def slots_of(cameras: int, config: Config) -> int:
    """Slots of a worker's tensor or output ring: one a camera up to `MAX_IN_STAGES`, plus one written and one read.

    More frames would only queue for the device, on a slow one until they time out. A GPU that cuts the crops itself
    takes as many frames at a time as its largest batch has images.
    """
    cut_on_gpu = config.preprocess.device == "cuda" and config.run.device in ("auto", "tensorrt")
    at_once = max(MAX_IN_STAGES, *config.infer.batches) if cut_on_gpu else MAX_IN_STAGES
    return min(cameras, at_once) + 2


def batch_of(plan: Plan, network: ModelSpec) -> int:
    """The largest batch of a network of the plan that one frame can need."""
    return plan.max_people * plan.views_per_person if network.role is Role.TOP_DOWN else 1


def tensor_bytes(plan: Plan, cut_on: Literal["cpu", "cuda"] = "cpu") -> int:
    """Bytes of a tensor ring's slot: the largest batch of one frame; 1 if infer cuts the crops itself."""
    if cut_on == "cuda":
        return 1
    return max(_bytes(n.input.tensor, batch_of(plan, n), largest_hw(n.input)) for n in plan.networks)


def output_bytes(plan: Plan) -> int:
    """Bytes of an output ring's slot: all outputs of one call, each on a boundary of 64 bytes."""
    return max(
        sum(_bytes(output, batch_of(plan, n), largest_hw(n.input)) + 64 for output in n.outputs) for n in plan.networks
    )


def _bytes(tensor: TensorSpec, batch: int, input_hw: tuple[int, int]) -> int:
    sides = iter(input_hw)
    shape = [batch] + [math.ceil(next(sides) / tensor.stride) if n is None else n for n in tensor.shape[1:]]
    return math.prod(shape) * np.dtype(tensor.dtype).itemsize
