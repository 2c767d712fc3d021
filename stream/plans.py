"""From settings to the plan of a camera's frames, and to how much shared memory it takes."""

import dataclasses
import math
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from engines.geometry import largest_hw
from engines.plan import Plan
from engines.spec import ModelSpec, Role, TensorSpec
from engines.zoo.catalogue import find
from engines.zoo.errors import UnknownModelError
from stream.config import Config
from stream.errors import ConfigError
from stream.topology import CameraSpec

if TYPE_CHECKING:
    from stream.people.scene import SceneSettings

FRAMES_LATEST = 1  # under way, where each waits for the one before: the newest there is when the last one is done
FRAMES_LATEST_FREE = 3  # where they do not wait: one in each stage
FRAMES_EVERY = 6  # decoded ahead, for files
AT_ONCE = 4  # frames of a worker's cameras between preprocess and postprocess
FRAMES_BEHIND = 3  # slots beyond those under way: a reader outside has as many frames' time to copy one


def plan_for(config: Config, camera: CameraSpec | None = None) -> Plan:
    """The plan of a camera's frames; without a camera that of the run. Raises ConfigError for an unknown model."""
    run = config.run
    try:
        pose = find(run.model)
        detector = find(run.detector) if pose.role is Role.TOP_DOWN else None
    except UnknownModelError as error:
        raise ConfigError(str(error)) from None
    if pose.role is Role.DETECTOR:
        raise ConfigError(f"run.model = {run.model!r}: it finds people and poses nobody; it can be run.detector")
    if detector and detector.role is not Role.DETECTOR:
        raise ConfigError(f"run.detector = {run.detector!r}: it is no detector; `posestream models list` names them")
    if config.postprocess.nms == "parametric":
        _check_learnt(pose)
    top_down = detector is not None
    plan = Plan(
        pose,
        detector,
        detect_every=run.detect_every,
        refine=run.refine and top_down,
        flip=run.flip and top_down,
        scales=run.scales if top_down else (1.0,),
        max_people=run.max_people,
    )
    return dataclasses.replace(plan, detect_every=1) if camera and camera.stills else plan


def _check_learnt(pose: ModelSpec) -> None:
    from engines.topdown import PARAMETRIC  # with all codecs: few runs need it here

    if pose.skeleton not in PARAMETRIC:
        raise ConfigError(
            f'postprocess.nms = "parametric": it was learnt for the joints of {" and ".join(PARAMETRIC)}, '
            f'not for those of {pose.name} ({pose.skeleton}): set "oks"'
        )


def scene_settings(config: Config) -> "SceneSettings":
    """How people are followed, told apart and calmed."""
    from stream.people.regions import RegionSettings  # only postprocess needs all this
    from stream.people.scene import SceneSettings
    from stream.people.smooth import SmoothSettings
    from stream.people.track import TrackSettings

    return SceneSettings(
        nms=config.postprocess.nms,
        same_oks=config.postprocess.same_oks,
        score_min=config.postprocess.score_min,
        track=TrackSettings(**msgspec.structs.asdict(config.track)),
        smooth=SmoothSettings(**msgspec.structs.asdict(config.smooth)),
        regions=RegionSettings(**msgspec.structs.asdict(config.regions)),
    )


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
    return plan.max_people * plan.looks if network.role is Role.TOP_DOWN else 1


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
