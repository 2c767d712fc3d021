"""Scenes from keypoint annotations in COCO's format."""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from posestream.engines.results import Poses
from posestream.engines.skeletons import COCO17, Skeleton
from tools.train import TrainError
from tools.train.scenes import Scene

_LEAST_JOINTS = 3  # labelled, of somebody to be learnt: those of whom less is seen are left out, as by the field


def read(images: Path, annotations: Path, people: int) -> list[Scene]:
    """Images with all who are labelled in them, `people` at most, those first in which somebody is labelled best.

    Raises TrainError where there is no such file, image or person.
    """
    content = _content(annotations)
    skeleton = _skeleton(content)
    found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for annotation in content["annotations"]:
        if not annotation.get("iscrowd") and _labelled(annotation) >= _LEAST_JOINTS:
            found[annotation["image_id"]].append(annotation)
    files = {image["id"]: image["file_name"] for image in content["images"]}
    scenes: list[Scene] = []
    for image in sorted(found, key=lambda image: (-max(map(_labelled, found[image])), image)):
        path, room = images / files[image], people - sum(len(scene.people) for scene in scenes)
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() and len(found[image]) <= room else None
        if pixels is not None:
            scenes.append(Scene(path.name, np.asarray(pixels, np.uint8), _poses(found[image], skeleton), skeleton))
    if not scenes:
        raise TrainError(f"{images}: none of its images shows 1 to {people} labelled people of {annotations}")
    return scenes


def _content(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainError(f"{path}: cannot be read as JSON: {error}") from error
    lacking = [key for key in ("images", "annotations") if not isinstance(content, dict) or key not in content]
    if lacking or not all("keypoints" in annotation for annotation in content["annotations"]):
        raise TrainError(f"{path}: no keypoint annotations in COCO's format: give a person_keypoints_*.json")
    return content  # type: ignore[no-any-return]


def _skeleton(content: Mapping[str, Any]) -> Skeleton:
    """The joints that the annotations name; COCO's where they name none."""
    for category in content.get("categories", ()):
        if names := category.get("keypoints"):
            return Skeleton("annotations", tuple(name.replace("_", " ") for name in names), edges=())
    return COCO17


def _labelled(annotation: Mapping[str, Any]) -> int:
    """How many joints are labelled: v is 1 for those that are hidden, 2 for those that are seen."""
    return sum(v > 0 for v in annotation["keypoints"][2::3])


def _poses(annotations: list[Mapping[str, Any]], skeleton: Skeleton) -> Poses:
    joints = np.array([a["keypoints"] for a in annotations], np.float32).reshape(-1, len(skeleton), 3)
    left_top_size = np.array([a["bbox"] for a in annotations], np.float32)
    # Edges of COCO's boxes count pixels from their corners, keypoints of its images from their centres.
    boxes = np.concatenate([left_top_size[:, :2], left_top_size[:, :2] + left_top_size[:, 2:]], axis=1) - 0.5
    scores = (joints[..., 2] > 0).astype(np.float32)
    return Poses(joints[..., :2].copy(), scores, boxes.astype(np.float32), np.ones(len(joints), np.float32))
