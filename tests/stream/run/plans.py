"""Plans and cameras for tests, by the settings that make them."""

from typing import Any

from posestream.engines.plan import Plan
from posestream.engines.spec import Role
from posestream.engines.zoo.catalogue import MODELS
from posestream.stream.config import load
from posestream.stream.run.planning import plan_for
from posestream.stream.run.topology import CameraSpec
from posestream.stream.sources.source import Policy

POSES = [spec.name for spec in MODELS.values() if spec.role is not Role.DETECTOR]


def a_plan(**run: Any) -> Plan:
    return plan_for(load(overrides={f"run.{key}": value for key, value in run.items()}))


def a_camera(policy: Policy = "latest", *, independent_images: bool = False) -> CameraSpec:
    return CameraSpec(name="cam0", source="0", policy=policy, independent_images=independent_images)
