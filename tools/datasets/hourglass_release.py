"""The `.h5` annotations that came with Stacked Hourglass: one person a row, of MPII or FLIC. Newell et al. 2016."""

from pathlib import Path

import numpy as np

from posestream.engines.skeletons import Skeleton
from tools.datasets import DatasetError, array_files
from tools.datasets.checks import MATLAB, at, joints, unlabelled
from tools.datasets.records import Dataset, Image, Person, Split

_WANTED = ("part", "visible", "normalize", "center", "scale")
_PERSON_PX = 200  # scales are heights in so many pixels


def read(path: Path, name: str, skeleton: Skeleton) -> Dataset:
    """A row a person; the same image may come several times. Raises DatasetError.

    A joint at (0, 0) is not labelled. Of MPII `normalize` is the head's length. Of FLIC it is the diagonal of the torso
    from the right shoulder to the left hip, which is not what the published scores are by, and is left out.
    """
    content = array_files.read(path)
    lacking = [key for key in _WANTED if key not in content]
    if lacking:
        raise DatasetError(f"{path}: it has no {lacking[0]}: expected the .h5 annotations of Stacked Hourglass")
    rows = len(content["part"])
    if content["part"].shape != (rows, len(skeleton), 2):
        raise DatasetError(f"{path}: part is {content['part'].shape}: expected Nx{len(skeleton)}x2 of {name}")
    for key in _WANTED[1:]:
        if len(content[key]) != rows:
            raise DatasetError(f"{path}: {key} has {len(content[key])} rows, part has {rows}")
    files = names(path, rows)
    people = [_person(content, i, at(path, "row", i), skeleton, name) for i in range(rows)]
    numbers = content.get("index", np.arange(rows)).astype(int)
    images = [
        Image(file, int(number), (person,), _split(path))
        for file, number, person in zip(files, numbers, people, strict=True)
    ]
    return Dataset(name, path, skeleton, tuple(images))


def _person(content: dict[str, np.ndarray], i: int, where: str, skeleton: Skeleton, name: str) -> Person:
    points = joints(content["part"][i], len(skeleton), where)
    labelled = (points != 0).any(axis=-1)
    centre = content["center"][i].astype(float) - MATLAB
    return Person(
        unlabelled(points - MATLAB, labelled),
        labelled & (content["visible"][i] > 0),
        head_px=float(content["normalize"][i]) if name == "mpii" else None,
        centre=(float(centre[0]), float(centre[1])),
        scale=float(content["scale"][i]),
    )


def names(path: Path, rows: int) -> list[str]:
    """Names of the images: in `imgname`, as text or as codes of characters, or in a `*_images.txt` beside the file."""
    import h5py

    with h5py.File(path) as content:
        value = content["imgname"][()] if "imgname" in content else None
    if value is not None and len(value) == rows:
        return [_text(each) for each in value]
    beside = path.with_name(f"{path.stem}_images.txt")
    if beside.is_file() and len(lines := beside.read_text(encoding="utf-8").split()) == rows:
        return lines
    return [""] * rows


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "".join(chr(int(code)) for code in np.ravel(np.asarray(value)) if code)


def _split(path: Path) -> Split:
    for split, words in {"train": ("train",), "val": ("valid", "val"), "test": ("test",)}.items():
        if path.stem.endswith(words):
            return split  # type: ignore[return-value]  # its own keys
    return ""
