"""Drawn people: stick figures whose joints are known, for those who have no annotated images at hand."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs.boxes import around
from posestream.engines.results import Poses
from posestream.engines.skeletons import COCO17
from tools.train.scenes import Scene

_SIZE_HW = (320, 320)
_MARGIN = 0.12  # of a figure's height, between its joints and the edges of its box, for hands, feet and hair

# A figure of height 1 about the middle of its hips, y down: each joint in COCO's order, standing.
_STANDING = (
    *((0, -0.46), (0.02, -0.48), (-0.02, -0.48), (0.05, -0.47), (-0.05, -0.47)),
    *((0.10, -0.34), (-0.10, -0.34), (0.17, -0.20), (-0.17, -0.20), (0.20, -0.06), (-0.20, -0.06)),
    *((0.07, 0), (-0.07, 0), (0.08, 0.22), (-0.08, 0.22), (0.09, 0.44), (-0.09, 0.44)),
)
_LIMBS = ((5, 7, 9), (6, 8, 10), (11, 13, 15), (12, 14, 16))  # each part swings about the joint before it
_SWING_RAD = 0.7


def draw(people: int, seed: int) -> list[Scene]:
    """Scenes with `people` figures in all: one, two, one, two and so on in an image, each in a half of its own."""
    random = np.random.default_rng(seed)
    scenes: list[Scene] = []
    while people > 0:
        together = min(people, 1 + len(scenes) % 2)
        scenes.append(_scene(f"drawn {len(scenes) + 1}", together, random))
        people -= together
    return scenes


def _scene(name: str, people: int, random: np.random.Generator) -> Scene:
    height, width = _SIZE_HW
    coarse = random.integers(60, 200, (5, 5, 3), np.uint8)
    image = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    room = width / people
    keypoints = np.stack([_figure(room * (i + 0.5), room, random) for i in range(people)]).astype(np.float32)
    for figure in keypoints:
        _paint(image, figure, random)
    scores = np.ones(keypoints.shape[:2], np.float32)
    boxes = around(keypoints, scores, min_score=1)
    margins = _MARGIN * (boxes[:, 3] - boxes[:, 1])
    boxes += margins[:, None] * np.array([-1, -1, 1, 1], np.float32)
    return Scene(name, image, Poses(keypoints, scores, boxes, np.ones(people, np.float32)), COCO17)


def _figure(middle_px: float, room_px: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Joints (17, 2) of a figure in a random pose that stands about `middle_px`, `room_px` wide."""
    joints: NDArray[np.float64] = np.array(_STANDING)
    for limb in _LIMBS:
        for first in (0, 1):
            pivot, moved = limb[first], list(limb[first + 1 :])
            joints[moved] = _turned(joints[moved], joints[pivot], random.uniform(-_SWING_RAD, _SWING_RAD))
    joints = _turned(joints, np.zeros(2), random.uniform(-0.2, 0.2))
    size_px = min(_SIZE_HW[0] * random.uniform(0.6, 0.8), room_px * 1.2)
    hips = np.array([middle_px, _SIZE_HW[0] * random.uniform(0.48, 0.54)])
    return np.asarray(joints * size_px + hips, np.float64)


def _turned(points: NDArray[np.float64], pivot: NDArray[np.float64], angle_rad: float) -> NDArray[np.float64]:
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return np.asarray((points - pivot) @ np.array([[cos, sin], [-sin, cos]]) + pivot, np.float64)


def _paint(
    image: NDArray[np.uint8], joints: Sequence[Sequence[float]] | NDArray[np.float32], random: np.random.Generator
) -> None:
    """Draws a figure: limbs of its own shade, warm on its right and cold on its left, so that sides can be told."""
    points = [tuple(round(float(c) * 16) for c in joint) for joint in joints]  # in sixteenths of a pixel
    thickness = max(2, round(float(np.ptp(np.asarray(joints)[:, 1])) / 40))
    shade = int(random.integers(0, 60))
    for start, end in COCO17.edges:
        sides = COCO17.joints[start] + COCO17.joints[end]
        left, right = "left" in sides, "right" in sides
        colour = (220 - shade if left else 40, 200, 220 - shade if right else 40)
        cv2.line(image, points[start], points[end], colour, thickness, cv2.LINE_AA, shift=4)
    for i, point in enumerate(points):
        cv2.circle(image, point, 16 * thickness, (20 * (i % 12), 255 - 15 * i, 30), -1, cv2.LINE_AA, shift=4)
