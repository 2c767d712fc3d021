"""Weights and images drawn from a seeded generator: for the same name and shape the same values, everywhere.

A reference implementation is run with them outside this project, once; what it gives is kept as a small fixture, and
our network, given the same weights through its converter, must give the same.
"""

import math
import zlib

import numpy as np
from numpy.typing import NDArray

_FACTORS = ("running_var", "gamma", ".g", ".scale")  # multiply a signal; the last three in attention units


def drawn(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The tensor `name` of an official checkpoint, scaled so that signals neither vanish nor grow in deep networks."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith(_FACTORS) or (name.endswith("weight") and len(shape) == 1):
        return random.uniform(0.5, 1.5, shape).astype(np.float32)
    if name.endswith(("running_mean", "bias")) or len(shape) < 2:
        return (0.1 * random.standard_normal(shape)).astype(np.float32)
    return (random.standard_normal(shape) / math.sqrt(math.prod(shape[1:]))).astype(np.float32)


def images(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Normally distributed images (N, C, H, W)."""
    return np.random.default_rng(20190225).standard_normal(shape).astype(np.float32)
