"""People with truth and prediction, for the metrics."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def some_people(seed: int, people: int, joints: int, size_px: float = 100.0) -> tuple[Floats, Floats]:
    """Truth and prediction (N, K, 2), with unlabelled joints, joints not found, joints far off, and ties."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, size_px, (people, joints, 2)).round()
    found = truth + rng.normal(0, 0.1 * size_px, truth.shape).round()
    truth[rng.random((people, joints)) < 0.15] = np.nan
    found[rng.random((people, joints)) < 0.1] = np.nan
    return truth, found
