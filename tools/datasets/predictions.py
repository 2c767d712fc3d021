"""Predictions as people publish them: one array of a `.h5`, `.mat` or `.npz` file, a pose for each person of the truth.

Its axes may be in any order, as `preds` (N, K, 2) of Stacked Hourglass or `prediction_all` (K, 2, N) of Convolutional
Pose Machines; a third coordinate is a score. Pixels count from 1 in files from Matlab and Torch, from 0 in others.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.skeletons import SKELETONS, Skeleton, placed
from tools.datasets import DatasetError, array_files
from tools.optional_packages import need

Origin: TypeAlias = Literal[0, 1]

ORIGINS: Mapping[str, Origin] = {".mat": 1, ".h5": 1, ".hdf5": 1, ".npz": 0}
"""What the first pixel is called, where nobody says."""

_NAMES = ("preds", "pred", "predictions", "prediction_all", "all_preds", "keypoints")
"""What the array is called in most files; others are taken where there is one of the shape."""

ORDERS: Mapping[str, tuple[Skeleton, ...]] = {
    "mpii": (SKELETONS["mpii16"], SKELETONS["lsp14"]),
    "lsp": (SKELETONS["lsp14"], SKELETONS["mpii16"]),
    "flic": (SKELETONS["flic11"], SKELETONS["flic9"], SKELETONS["flic7"]),
}
"""The joints of predictions for each dataset, told apart by how many they are."""


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """`keypoints` (N, K, 2) float64 from pixel 0, NaN where not found, of `joints`; read from `key`, as of `origin`."""

    keypoints: NDArray[np.float64]
    joints: tuple[str, ...]
    key: str
    origin: Origin

    def of(self, skeleton: Skeleton) -> NDArray[np.float64]:
        """(N, K, 2) of a skeleton's joints, see `skeletons.placed`; a copy."""
        return placed(self.keypoints, self.joints, skeleton)


def read(
    path: Path, dataset: str, people: int, *, key: str = "", joints: str = "", origin: Origin | None = None
) -> Predictions:
    """The predictions for so many people. Raises DatasetError, which says what to give where the file does not tell.

    `joints` is the name of a skeleton, or names of joints between commas.
    """
    content = array_files.read(path)
    order = _order(joints)
    counts = [len(order)] if order else [len(skeleton) for skeleton in ORDERS[dataset]]
    key, values = _chosen(path, content, key, people, counts)
    points = _upright(path, key, values, people, counts)
    order = order or next(skeleton.joints for skeleton in ORDERS[dataset] if len(skeleton) == points.shape[1])
    start = ORIGINS[path.suffix] if origin is None else origin
    found = points[..., :2].astype(np.float64) - start
    found[~np.isfinite(found).all(axis=-1)] = np.nan
    return Predictions(found, order, key, start)


def _order(joints: str) -> tuple[str, ...]:
    if joints in SKELETONS:
        return SKELETONS[joints].joints
    named = tuple(joint.strip() for joint in joints.split(",") if joint.strip())
    known = {joint for skeleton in SKELETONS.values() for joint in skeleton.joints}
    for joint in named:
        if joint not in known:
            raise DatasetError(
                f"--joints: {joint!r} is neither a joint nor a skeleton; there are {', '.join(SKELETONS)}, "
                f"and joints such as {', '.join(sorted(known)[:4])}"
            )
    return named


def _chosen(
    path: Path, content: Mapping[str, NDArray[Any]], key: str, people: int, counts: list[int]
) -> tuple[str, NDArray[Any]]:
    if key:
        if key not in content:
            raise DatasetError(f"{path}: it has no array {key}; there are {_listed(content)}: give one with --key")
        return key, content[key]
    fitting = {name: value for name, value in content.items() if _axes(value.shape, people, counts)}
    usual = [name for name in _NAMES if name in fitting]
    if usual or len(fitting) == 1:
        name = usual[0] if usual else next(iter(fitting))
        return name, fitting[name]
    what = "several arrays" if fitting else "no array"
    raise DatasetError(
        f"{path}: it has {what} of {people} people with {' or '.join(map(str, counts))} joints of x and y; "
        f"there are {_listed(fitting or content)}: give --key, or --joints for another order"
    )


def _upright(path: Path, key: str, values: NDArray[Any], people: int, counts: list[int]) -> NDArray[Any]:
    axes = _axes(values.shape, people, counts)
    if not axes:
        wanted = " or ".join(f"{people}x{count}x2" for count in counts)
        raise DatasetError(f"{path}: {key} is {_size(values)}: expected {wanted}, with axes in any order")
    return values.transpose(axes)


def _axes(shape: tuple[int, ...], people: int, counts: list[int]) -> tuple[int, ...]:
    """The axes of people, joints and coordinates; () where these are not they. The first order in which they fit."""
    if len(shape) != 3:
        return ()
    for axes in itertools.permutations(range(3)):
        n, k, c = (shape[axis] for axis in axes)
        if n == people and k in counts and c in (2, 3):
            return axes
    return ()


def _size(values: NDArray[Any]) -> str:
    return "x".join(map(str, values.shape))


def _listed(content: Mapping[str, NDArray[Any]]) -> str:
    return ", ".join(f"{name} ({_size(value)})" for name, value in content.items()) or "no arrays of numbers"


def write(path: Path, keypoints: NDArray[np.float64]) -> None:
    """Writes `preds` (N, K, 2), given from pixel 0, to a `.h5` or `.mat` as MPII's scripts read it: from pixel 1."""
    values = keypoints + ORIGINS[".mat"]
    if path.suffix in array_files.HDF5:
        need("h5py")
        import h5py

        with h5py.File(path, "w") as content:
            content["preds"] = values
    elif path.suffix == ".mat":
        import scipy.io

        scipy.io.savemat(path, {"preds": values})
    else:
        raise DatasetError(f"{path}: {path.suffix or 'no extension'}: expected .h5 or .mat")
