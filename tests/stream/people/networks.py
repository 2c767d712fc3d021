"""Outputs of the networks of a small top-down plan, made by hand and decoded by the real codecs.

The detector is FastestDet's form, the pose network MoveNet's, or HRNet's in any skeleton. Frames are 352x352, so that
the detector's input is the frame itself.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs import codec_for
from posestream.engines.codecs.heatmap import HeatMaps
from posestream.engines.geometry import to_input
from posestream.engines.plan import Plan, Region
from posestream.engines.results import Poses
from posestream.engines.skeletons import SKELETONS, Skeleton
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import find
from posestream.stream import config
from posestream.stream.people.scene import PassResult, Scene

SIDE_PX = 352
POSE = find("movenet-lightning")
MAPS = find("hrnet-w32-mpii")
DETECTOR = find("fastestdet")
WHOLE = Region(-0.5, -0.5, SIDE_PX, SIDE_PX)


def plan(detect_every: int = 10, *, refine: bool = False, flip: bool = False) -> Plan:
    return Plan(POSE, DETECTOR, detect_every=detect_every, refine=refine, flip=flip)


def scene(of: Plan, *, independent_images: bool = False) -> Scene:
    return Scene(of, config.defaults(), independent_images=independent_images)


def detected(*boxes_xyxy: Sequence[float], score: float = 0.9) -> PassResult:
    """The detector's result for people in these boxes, in frame pixels."""
    maps = np.zeros((1, 85, 22, 22), np.float32)
    for left, top, right, bottom in boxes_xyxy:
        centre_x, centre_y = (left + right + 1) / 2 / SIDE_PX * 22, (top + bottom + 1) / 2 / SIDE_PX * 22
        column, row = int(centre_x), int(centre_y)
        width, height = (right - left) / SIDE_PX, (bottom - top) / SIDE_PX
        box = (np.arctanh(centre_x - column), np.arctanh(centre_y - row), _logit(width), _logit(height))
        maps[0, :6, row, column] = (score, *box, score)
    return PassResult(DETECTOR.name, (WHOLE,), (SIDE_PX, SIDE_PX), [maps])


def posed(regions: Sequence[Region], *people: Poses) -> PassResult:
    """The pose network's result for one of the people, in frame pixels, in each region."""
    size_hw = POSE.input.size_hw
    assert size_hw is not None
    outputs = np.zeros((len(regions), 1, 17, 3), np.float32)
    for output, region, person in zip(outputs, regions, people, strict=True):
        there = to_input(region, size_hw)
        points = person.keypoints[0] @ there[:, :2].T + there[:, 2]
        output[0, :, :2] = (points[:, ::-1] + 0.5) / size_hw[0]
        output[0, :, 2] = person.keypoint_scores[0]
    return PassResult(POSE.name, tuple(regions), size_hw, [outputs])


def maps_network(skeleton: Skeleton) -> ModelSpec:
    """A network whose outputs are heat maps of the joints of `skeleton`, as HRNet's are."""
    (maps,) = MAPS.outputs
    shape = (None, len(skeleton), *maps.shape[2:])
    return replace(MAPS, name=f"maps-{skeleton.name}", skeleton=skeleton.name, outputs=(replace(maps, shape=shape),))


def mapped(network: ModelSpec, regions: Sequence[Region], *people: Poses) -> PassResult:
    """Ideal maps of one of the people in each region; in a mirrored one with left and right exchanged."""
    size_hw, codec = network.input.size_hw, codec_for(network)
    assert size_hw is not None
    assert isinstance(codec, HeatMaps)
    maps = []
    for region, person in zip(regions, people, strict=True):
        there = to_input(region, size_hw)
        seen = replace(person, keypoints=(person.keypoints @ there[:, :2].T + there[:, 2]).astype(np.float32))
        of_person = codec.encode(seen, size_hw)[0]
        maps.append(of_person[SKELETONS[network.skeleton or ""].mirror] if region.width_px < 0 else of_person)
    return PassResult(network.name, tuple(regions), size_hw, [np.stack(maps)])


def _logit(share: float) -> NDArray[np.float64]:
    return np.asarray(np.log(share / (1 - share)))
