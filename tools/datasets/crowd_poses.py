"""Poses of several people an image, as a JSON list: COCO's results, and the same with the names of images for MPII.

A row has `image_id` (COCO's number, or the place of an image in MPII's file) or `image` (its file's name), `keypoints`
with x, y and score of every joint, and the pose's `score`. COCO's own order and pixels, which count from 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.datasets import DatasetError
from tools.datasets.checks import at
from tools.datasets.coco_annotations import load
from tools.datasets.records import Dataset


@dataclass(frozen=True, slots=True, eq=False)
class FoundPoses:
    """D poses: `images` (D,) int64 their numbers, `keypoints` (D, K, 3) x, y from pixel 0 and score, `scores` (D,)."""

    images: NDArray[np.int64]
    keypoints: NDArray[np.float64]
    scores: NDArray[np.float64]


def read(path: Path, truth: Dataset, origin: int = 0) -> FoundPoses:
    """Poses in images of the truth. Raises DatasetError, for an image that is not one of them too."""
    rows = load(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DatasetError(f"{path}: expected a list of poses, each with image_id, keypoints and score")
    numbers = {image.file: image.number for image in truth.images if image.file}
    known, joints = {image.number for image in truth.images}, len(truth.skeleton)
    images, keypoints, scores = [], [], []
    for i, row in enumerate(rows):
        where = at(path, "pose", i)
        images.append(_image(row, numbers, known, where))
        keypoints.append(_keypoints(row.get("keypoints"), joints, where))
        score = row.get("score")
        if not isinstance(score, (int, float)) or not np.isfinite(score):
            raise DatasetError(f"{where}: its score is {score}")
        scores.append(float(score))
    values = np.array(keypoints, np.float64).reshape(-1, joints, 3)
    values[..., :2] -= origin
    return FoundPoses(np.array(images, np.int64), values, np.array(scores))


def _image(row: Mapping[str, Any], numbers: Mapping[str, int], known: set[int], where: str) -> int:
    number = row.get("image_id", numbers.get(str(row.get("image"))))
    if number not in known:
        raise DatasetError(f"{where}: image {row.get('image_id', row.get('image'))} is not one of the annotations'")
    return int(number)


def _keypoints(value: object, joints: int, where: str) -> NDArray[np.float64]:
    numbers = np.asarray(value, np.float64) if isinstance(value, list) else np.zeros(0)
    if numbers.shape != (3 * joints,) or not np.isfinite(numbers).all():
        raise DatasetError(f"{where}: keypoints: expected {3 * joints} finite numbers: x, y, score of {joints} joints")
    return numbers.reshape(joints, 3)
