"""What every reader asks of coordinates, so that nothing half-read gets into a score."""

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tools.datasets import DatasetError

MATLAB = 1
"""What the pixels of files from Matlab count from."""


def joints(value: ArrayLike, count: int, where: str, *, nan_is_unlabelled: bool = False) -> NDArray[np.float64]:
    """(count, 2) float64. Raises DatasetError, beginning with `where`, for another shape, NaN or infinity.

    `nan_is_unlabelled`: a joint of which both coordinates are NaN is one that nobody labelled.
    """
    try:
        points = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise DatasetError(f"{where}: its joints are no numbers") from None
    if points.shape != (count, 2):
        raise DatasetError(f"{where}: expected {count} joints of x and y, got {points.shape}")
    bad = ~np.isfinite(points)
    if nan_is_unlabelled:
        bad &= ~np.isnan(points).all(axis=-1, keepdims=True)
    if bad.any():
        raise DatasetError(
            f"{where}: joint {int(np.flatnonzero(bad.any(axis=-1))[0])} is {points[bad.any(axis=-1)][0]}"
        )
    return points


def unlabelled(points: NDArray[np.float64], labelled: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A copy with NaN where a joint is not labelled."""
    return np.where(labelled[:, None], points, np.nan)


def at(path: Path, kind: str, index: int, name: str = "") -> str:
    """How messages name a record."""
    return f"{path}: {kind} {index}{f' ({name})' if name else ''}"
