"""Imperfect maps of drawn people, from a seeded generator: the input of both reference and codec.

People overlap; joints are missing, weak, or too weak to be found; maps have noise and spurious peaks.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]

_SPURIOUS = 3  # spurious peaks of each joint


def people(count: int, size_hw: tuple[int, int], unit: Maps, random: np.random.Generator) -> Maps:
    """(count, K, 2) x, y in pixels: the figure `unit`, (K, 2) in heights, at random places and of random heights."""
    heights = random.uniform(0.35, 0.8, (count, 1, 1)) * size_hw[0]
    middles = random.uniform(0.15, 0.85, (count, 1, 2)) * size_hw[::-1]
    bent = unit + random.normal(0, 0.03, (count, *unit.shape))
    return np.asarray(middles + heights * (bent - unit.mean(axis=0)), np.float32)


def strengths(shape: Sequence[int], random: np.random.Generator) -> Maps:
    """Peak values of joints: most near 1, one in ten weak, one in ten too weak, one in ten missing."""
    kind = random.random(shape)
    weak = np.where(kind > 0.1, random.uniform(0.02, 0.08, shape), 0)
    strong = np.where(kind > 0.3, random.uniform(0.5, 1.0, shape), random.uniform(0.13, 0.4, shape))
    return np.where(kind > 0.2, strong, weak).astype(np.float32)


def blobs(places: Maps, strength: Maps, stride: int, size_hw: tuple[int, int], sigma: float) -> Maps:
    """(K, h, w): Gaussians of `sigma` cells about `places` (P, K, 2) in pixels, the largest of all people."""
    rows, columns = (np.arange(side // stride) + 0.5 for side in size_hw)
    cells = places / stride
    across = np.exp(-((columns - cells[..., 0, None]) ** 2) / (2 * sigma**2))
    down = np.exp(-((rows - cells[..., 1, None]) ** 2) / (2 * sigma**2))
    each = strength[..., None, None] * down[..., None] * across[..., None, :]
    return np.asarray(each.max(axis=0), np.float32)


def spurious(joints: int, size_hw: tuple[int, int], random: np.random.Generator) -> tuple[Maps, Maps]:
    """Places (3, joints, 2) and strengths (3, joints) of spurious peaks."""
    places = random.uniform(0, 1, (_SPURIOUS, joints, 2)) * size_hw[::-1]
    return places.astype(np.float32), random.uniform(0.05, 0.3, (_SPURIOUS, joints)).astype(np.float32)


def noise(shape: Sequence[int], size: float, random: np.random.Generator) -> Maps:
    """Smooth noise (K, h, w)."""
    fine = random.normal(0, size, shape).astype(np.float32)
    return np.stack([cv2.GaussianBlur(one, (5, 5), 1.0) for one in fine])
