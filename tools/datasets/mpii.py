"""MPII Human Pose: sixteen joints, several people an image. Andriluka et al. 2014.

Four files hold it: the release itself, the list that HRNet and others train with, the rows of Stacked Hourglass, and
the truth of the validation set as scripts keep it. Only the release says where the heads of all people are; the list
lacks them, and the other two have their length.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posestream.engines.metrics import lengths
from posestream.engines.skeletons import MPII16
from tools.datasets import DatasetError, array_files, hourglass_release
from tools.datasets.checks import MATLAB, at, joints, unlabelled
from tools.datasets.records import Dataset, Image, Person

_TRUTH = ("pos_gt_src", "jnt_missing", "headboxes_src")
_JOINTS = len(MPII16)


def read(path: Path) -> Dataset:
    """Reads any of the four. Raises DatasetError."""
    if path.suffix == ".json":
        return _list(path)
    if path.suffix in array_files.HDF5:
        return hourglass_release.read(path, "mpii", MPII16)
    content = array_files.read(path)
    if all(name in content for name in _TRUTH):
        return _truth(path, content)
    return _release(path)


# ---- mpii_human_pose_v1_u12_1.mat


def _release(path: Path) -> Dataset:
    release = array_files.matlab(path, "RELEASE")
    listed = array_files.several(array_files.field(release, "annolist"))
    training = np.ravel(array_files.field(release, "img_train"))
    if len(training) != len(listed):
        raise DatasetError(f"{path}: {len(listed)} images in annolist, {len(training)} in img_train")
    images = [_image(path, i, image, bool(training[i])) for i, image in enumerate(listed)]
    return Dataset("mpii", path, MPII16, tuple(images))


def _image(path: Path, i: int, image: Any, training: bool) -> Image:
    name = array_files.field(array_files.field(image, "image"), "name")
    if not isinstance(name, str):
        raise DatasetError(f"{at(path, 'image', i)}: it has no name")
    rects = array_files.several(array_files.field(image, "annorect"))
    people = [_rect(rect, f"{at(path, 'image', i, name)}: person {j}") for j, rect in enumerate(rects)]
    return Image(name, i, tuple(people), "train" if training else "test")


def _rect(rect: Any, where: str) -> Person:
    points, visible = np.full((_JOINTS, 2), np.nan), np.zeros(_JOINTS, np.bool_)
    for point in array_files.several(array_files.field(array_files.field(rect, "annopoints"), "point")):
        joint = array_files.field(point, "id")
        if joint is None or not 0 <= int(joint) < _JOINTS:
            raise DatasetError(f"{where}: a joint has id {joint}: expected 0 to {_JOINTS - 1}")
        place = np.array([[array_files.field(point, axis) for axis in ("x", "y")]])
        points[int(joint)] = joints(place, 1, f"{where}: joint {int(joint)}")[0] - MATLAB
        visible[int(joint)] = str(array_files.field(point, "is_visible")) == "1"  # text, a number, or absent
    edges = [array_files.field(rect, edge) for edge in ("x1", "y1", "x2", "y2")]
    head = None if None in edges else float(lengths.head(np.array([edges], np.float64))[0])
    objpos, scale = array_files.field(rect, "objpos"), array_files.field(rect, "scale")
    centre = None if objpos is None else (float(objpos.x) - MATLAB, float(objpos.y) - MATLAB)
    return Person(points, visible, head_px=head, centre=centre, scale=None if scale is None else float(scale))


# ---- the truth of the validation set


def _truth(path: Path, content: Mapping[str, np.ndarray]) -> Dataset:
    places, missing, heads = (content[name] for name in _TRUTH)
    people = places.shape[-1]
    shapes = {"pos_gt_src": (_JOINTS, 2, people), "jnt_missing": (_JOINTS, people), "headboxes_src": (2, 2, people)}
    for name, wanted in shapes.items():
        if content[name].shape != wanted:
            raise DatasetError(f"{path}: {name} is {content[name].shape}: expected {wanted}")
    head_px = lengths.head(heads.transpose(2, 0, 1).reshape(people, 4).astype(np.float64))
    images = []
    for i in range(people):
        labelled = missing[:, i] == 0
        points = unlabelled(joints(places[..., i], _JOINTS, at(path, "person", i)) - MATLAB, labelled)
        images.append(Image("", i, (Person(points, labelled, head_px=float(head_px[i])),), "val"))
    return Dataset("mpii", path, MPII16, tuple(images))


# ---- the list of HRNet


def _list(path: Path) -> Dataset:
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise DatasetError(f"{path}: expected a list of people, each with image, joints, joints_vis")
    images = [_row(row, i, path) for i, row in enumerate(listed)]
    return Dataset("mpii", path, MPII16, tuple(images))


def _row(row: Mapping[str, Any], i: int, path: Path) -> Image:
    where = at(path, "person", i, str(row.get("image", "")))
    lacking = [key for key in ("image", "joints", "joints_vis", "center", "scale") if key not in row]
    if lacking:
        raise DatasetError(f"{where}: it has no {lacking[0]}")
    points, seen = joints(row["joints"], _JOINTS, where), np.asarray(row["joints_vis"])
    if seen.shape != (_JOINTS,) or not np.isin(seen, (0, 1)).all():
        raise DatasetError(f"{where}: joints_vis: expected {_JOINTS} of 0 and 1")
    centre = joints([row["center"]], 1, f"{where}: center")[0] - MATLAB
    labelled = seen > 0  # the list does not say which of them are hidden
    person = Person(
        unlabelled(points - MATLAB, labelled),
        labelled,
        centre=(float(centre[0]), float(centre[1])),
        scale=float(row["scale"]),
    )
    split = "train" if "train" in path.stem else "val" if "val" in path.stem else ""
    return Image(str(row["image"]), i, (person,), split)  # type: ignore[arg-type]  # it is one of them
