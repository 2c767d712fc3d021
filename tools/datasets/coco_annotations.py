"""COCO keypoints: `person_keypoints_*.json`, and results as its server takes them. Lin et al. 2014.

A joint's v is 0 for one that is not labelled, 1 for one that is hidden, 2 for one that is seen. Keypoints are written
here as they are there, with pixel centres at integers; edges of boxes count pixels from their corners.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posestream.engines.skeletons import COCO17
from tools.datasets import DatasetError
from tools.datasets.checks import at, joints, unlabelled
from tools.datasets.records import Dataset, Image, Person, Split

PERSON = 1
"""COCO's category."""
_JOINTS = len(COCO17)


def read(path: Path) -> Dataset:
    """All images, those without people too. Raises DatasetError."""
    content = load(path)
    lacking = [key for key in ("images", "annotations") if not isinstance(content, dict) or key not in content]
    if lacking:
        raise DatasetError(f"{path}: it has no {lacking[0]}: expected a person_keypoints_*.json")
    files = {image["id"]: str(image["file_name"]) for image in content["images"]}
    people: dict[int, list[Person]] = defaultdict(list)
    for i, annotation in enumerate(content["annotations"]):
        if annotation.get("category_id", PERSON) != PERSON:
            continue
        where = at(path, "annotation", i, f"id {annotation.get('id')}")
        if annotation.get("image_id") not in files:
            raise DatasetError(f"{where}: there is no image {annotation.get('image_id')}")
        people[annotation["image_id"]].append(_person(annotation, where))
    images = [Image(file, number, tuple(people[number]), _split(path)) for number, file in files.items()]
    return Dataset("coco", path, COCO17, tuple(images))


def load(path: Path) -> Any:
    """The JSON of a file. Raises DatasetError."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read as JSON: {error}") from None


def _person(annotation: Mapping[str, Any], where: str) -> Person:
    lacking = [key for key in ("keypoints", "bbox", "area") if key not in annotation]
    if lacking:
        raise DatasetError(f"{where}: it has no {lacking[0]}: expected the annotations of keypoints")
    values = triples(annotation["keypoints"], where)
    if not np.isin(values[:, 2], (0, 1, 2)).all():
        raise DatasetError(f"{where}: v is {sorted(set(values[:, 2].tolist()))}: expected 0, 1 and 2")
    corners = joints(np.reshape(annotation["bbox"], (-1, 2)), 2, f"{where}: bbox")
    left, top, right, bottom = (float(edge) for edge in (*corners[0], *corners.sum(axis=0)))
    return Person(
        unlabelled(values[:, :2], values[:, 2] > 0),
        values[:, 2] == 2,
        box_xyxy=(left - 0.5, top - 0.5, right - 0.5, bottom - 0.5),
        area_px2=float(annotation["area"]),
        crowd=bool(annotation.get("iscrowd", 0)),
    )


def triples(value: object, where: str) -> np.ndarray:
    """(17, 3) float64 of 51 numbers x, y, v. Raises DatasetError."""
    numbers = np.asarray(value, np.float64) if isinstance(value, list) else np.zeros(0)
    if numbers.shape != (3 * _JOINTS,) or not np.isfinite(numbers).all():
        raise DatasetError(f"{where}: keypoints: expected {3 * _JOINTS} finite numbers")
    return numbers.reshape(_JOINTS, 3)


def write(path: Path, results: Sequence[tuple[int, np.ndarray, float]]) -> None:
    """Writes results for COCO's server, or any of its tools: (image, keypoints (17, 3) x, y, score, score) a pose."""
    rows = [
        {"image_id": image, "category_id": PERSON, "keypoints": keypoints.ravel().tolist(), "score": float(score)}
        for image, keypoints, score in results
    ]
    path.write_text(json.dumps(rows), encoding="utf-8")


def _split(path: Path) -> Split:
    return "train" if "train" in path.stem else "val" if "val" in path.stem else "test" if "test" in path.stem else ""
