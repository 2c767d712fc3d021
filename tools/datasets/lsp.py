"""Leeds Sports Poses, and its extended training set: one person an image, fourteen joints, person-centric.

Johnson & Everingham 2010 and 2011. The third number of a joint means opposite things in the two sets: in LSP 1 is
hidden, in LSPET 1 is seen, and what is not seen there is not labelled either.
"""

from pathlib import Path

import numpy as np

from posestream.engines.skeletons import LSP14
from tools.datasets import DatasetError, array_files
from tools.datasets.checks import MATLAB, at, joints, unlabelled
from tools.datasets.records import Dataset, Image, Person, Split

_TRAINING = 1000  # the first images of LSP


def read(path: Path) -> Dataset:
    """Reads `joints.mat` of either set, told apart by its axes. Raises DatasetError."""
    content = array_files.read(path)
    if "joints" not in content:
        raise DatasetError(f"{path}: it has no array named joints: expected joints.mat of LSP or LSPET")
    values = content["joints"].astype(np.float64)
    match values.shape:
        case (3, 14, _):
            return _dataset("lsp", path, values.transpose(2, 1, 0), "im{:04d}.jpg")
        case (14, 3, _):
            return _dataset("lspet", path, values.transpose(2, 0, 1), "im{:05d}.jpg")
    raise DatasetError(f"{path}: joints are {values.shape}: expected 3x14xN (LSP) or 14x3xN (LSPET)")


def _dataset(name: str, path: Path, people: np.ndarray, file: str) -> Dataset:
    images = []
    for i, values in enumerate(people):
        where = at(path, "image", i + 1)
        points, flags = joints(values[:, :2], len(LSP14), where), values[:, 2]
        if not np.isin(flags, (0, 1)).all():
            raise DatasetError(f"{where}: flags {sorted(set(flags.tolist()))}: expected 0 and 1")
        if name == "lsp":
            person = Person(points - MATLAB, flags == 0)
        else:
            labelled = (flags == 1) & (points > 0).all(axis=-1)
            person = Person(unlabelled(points - MATLAB, labelled), labelled)
        split: Split = "train" if name == "lspet" or i < _TRAINING else "test"
        images.append(Image(file.format(i + 1), i + 1, (person,), split))
    return Dataset(name, path, LSP14, tuple(images))
