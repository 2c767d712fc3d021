"""How many frames may be under way, and how much shared memory their rings take."""

import math
from typing import Literal

import numpy as np

from posestream.engines.geometry import largest_hw
from posestream.engines.plan import Plan
from posestream.engines.spec import ModelSpec, Role, TensorSpec
from posestream.stream.config import Config
from posestream.stream.run.topology import CameraSpec

FRAMES_LATEST = 1  # under way, where each waits for the one before: the newest there is when the last one is done
FRAMES_LATEST_FREE = 3  # where they do not wait: one in each stage
FRAMES_EVERY = 6  # decoded ahead, for files
AT_ONCE = 4  # frames of a worker's cameras between preprocess and postprocess
FRAMES_BEHIND = 3  # slots beyond those under way: a reader outside has as many frames' time to copy one


def frames_under_way(plan: Plan, camera: CameraSpec) -> int:
    """How many frames of a camera may be leased at a time."""
    if camera.policy == "every":
        return FRAMES_EVERY
    return FRAMES_LATEST if plan.feeds_back else FRAMES_LATEST_FREE


def slots_of(cameras: int, config: Config) -> int:
    """Slots of a worker's ring of tensors or outputs: one a camera up to `AT_ONCE`, and two being written and read.

    More would only wait for the device, and with many cameras on a slow one until their frames are given up. A GPU that
    cuts the crops itself takes as many frames at once as its largest batch has images.
    """
    cut_on_gpu = config.preprocess.device == "cuda" and config.run.device in ("auto", "tensorrt")
    at_once = max(AT_ONCE, *config.infer.batches) if cut_on_gpu else AT_ONCE
    return min(cameras, at_once) + 2


def batch_of(plan: Plan, network: ModelSpec) -> int:
    """The largest batch that one frame can ask of a network of the plan."""
    return plan.max_people * plan.views_per_person if network.role is Role.TOP_DOWN else 1


def tensor_bytes(plan: Plan, cut_on: Literal["cpu", "cuda"] = "cpu") -> int:
    """What a slot of a tensor ring must hold: nothing where infer cuts the crops itself."""
    if cut_on == "cuda":
        return 1
    return max(_bytes(n.input.tensor, batch_of(plan, n), largest_hw(n.input)) for n in plan.networks)


def output_bytes(plan: Plan) -> int:
    """What a slot of an output ring must hold: all outputs of one call, each on a boundary of 64 bytes."""
    return max(
        sum(_bytes(output, batch_of(plan, n), largest_hw(n.input)) + 64 for output in n.outputs) for n in plan.networks
    )


def _bytes(tensor: TensorSpec, batch: int, input_hw: tuple[int, int]) -> int:
    sides = iter(input_hw)
    shape = [batch] + [math.ceil(next(sides) / tensor.stride) if n is None else n for n in tensor.shape[1:]]
    return math.prod(shape) * np.dtype(tensor.dtype).itemsize
