"""FLIC, Frames Labeled In Cinema: upper bodies, eleven joints. Sapp & Taskar 2013, "MODEC".

`examples.mat` has 29 places a person, NaN but for eleven of them; left and right are the person's own there, while the
scores in papers are observer-centric (`engines.metrics.centric`). Of its frames 3,987 are for training, 1,016 for test.
"""

from pathlib import Path
from typing import Any

import numpy as np

from posestream.engines.skeletons import FLIC11
from tools.datasets import DatasetError, array_files, hourglass_release
from tools.datasets.checks import MATLAB, at, joints
from tools.datasets.records import Dataset, Image, Person, Split

_COLUMNS = (0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16)  # of the 29, those of FLIC11 in its order
_PLACES = 29


def read(path: Path) -> Dataset:
    """Reads `examples.mat`, or the `.h5` of Stacked Hourglass. Raises DatasetError."""
    if path.suffix in array_files.HDF5:
        return hourglass_release.read(path, "flic", FLIC11)
    examples = array_files.several(array_files.matlab(path, "examples"))
    images = [_image(path, i, example) for i, example in enumerate(examples)]
    return Dataset("flic", path, FLIC11, tuple(images))


def _image(path: Path, i: int, example: Any) -> Image:
    name = array_files.field(example, "filepath")
    where = at(path, "example", i, str(name))
    coords = np.asarray(array_files.field(example, "coords"), np.float64)
    if name is None or coords.shape != (2, _PLACES):
        raise DatasetError(f"{where}: expected a filepath and coords of 2x{_PLACES}, got {coords.shape}")
    keypoints = joints(coords.T[list(_COLUMNS)], len(FLIC11), where, nan_is_unlabelled=True) - MATLAB
    box = array_files.field(example, "torsobox")
    torso = None if box is None else tuple(float(edge) - MATLAB for edge in np.ravel(box))
    if torso is not None and len(torso) != 4:
        raise DatasetError(f"{where}: torsobox has {len(torso)} numbers, expected x1 y1 x2 y2")
    seen = np.logical_not(np.isnan(keypoints).any(axis=-1))  # it says of nobody what is hidden
    person = Person(keypoints, seen, box_xyxy=torso)
    return Image(str(name), int(array_files.field(example, "currframe") or i), (person,), _split(example))


def _split(example: Any) -> Split:
    return "train" if array_files.field(example, "istrain") else "test" if array_files.field(example, "istest") else ""
