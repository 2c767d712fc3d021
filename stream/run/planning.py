"""The plan of a camera's frames, from the settings."""

import dataclasses

from posestream.engines.exceptions import UnknownModelError
from posestream.engines.plan import Plan
from posestream.engines.spec import ModelSpec, Role
from posestream.engines.zoo.catalogue import find
from posestream.stream.config import Config
from posestream.stream.errors import ConfigError
from posestream.stream.run.topology import CameraSpec


def plan_for(config: Config, camera: CameraSpec | None = None) -> Plan:
    """The plan of a camera's frames, or without a camera that of the run.

    Raises ConfigError where a model is unknown, or cannot have that role or NMS.
    """
    run = config.run
    try:
        pose = find(run.model)
        detector = find(run.detector) if pose.role is Role.TOP_DOWN else None
    except UnknownModelError as error:
        raise ConfigError(str(error)) from None
    if pose.role is Role.DETECTOR:
        raise ConfigError(f"run.model = {run.model!r}: a detector, not a pose model; set it as run.detector")
    if detector and detector.role is not Role.DETECTOR:
        raise ConfigError(f"run.detector = {run.detector!r}: not a detector; `posestream models list` names them")
    if config.postprocess.nms == "parametric":
        _check_parametric_nms(pose)
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
    return dataclasses.replace(plan, detect_every=1) if camera and camera.independent_images else plan


def _check_parametric_nms(pose: ModelSpec) -> None:
    from posestream.engines.ensemble import PARAMETRIC  # with all codecs: few runs need it here

    if pose.skeleton not in PARAMETRIC:
        raise ConfigError(
            f'postprocess.nms = "parametric": it was learnt for the joints of {" and ".join(PARAMETRIC)}, '
            f'not for those of {pose.name} ({pose.skeleton}): set "oks"'
        )
