"""What is kept of an output: its size, mean and norm, its largest magnitude, and 256 of its values."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PACKAGE = "@tensorflow/tfjs@4.22.0"
FIXTURE = Path(__file__).with_name("outputs.json")
SAMPLES = 256


def sampled(output: NDArray[np.float32]) -> NDArray[np.float32]:
    """All values of a small output, 256 of a larger one, always the same."""
    flat = output.ravel()
    if flat.size <= SAMPLES:
        return flat
    return flat[np.random.default_rng(0).choice(flat.size, SAMPLES, replace=False)]


def summary(output: NDArray[np.float32]) -> dict[str, Any]:
    return {
        "size": output.size,
        "mean": float(output.mean(dtype=np.float64)),
        "norm": float(np.linalg.norm(output.astype(np.float64))),
        "largest": float(np.abs(output).max()),
        "values": [float(f"{value:.8g}") for value in sampled(output)],
    }
