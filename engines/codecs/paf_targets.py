"""Targets of part affinity fields: heat maps and fields of known people.

Cao et al. 2017: eq. 6-7 (heat maps, the maximum over people) and eq. 8-9 (fields, the mean over people whose limbs
overlap). Cell i of stride s is at pixel (i + 0.5) s - 0.5 in both. All arrays are float32.
"""

import numpy as np

from posestream.engines.results import Floats

_MIN_VALUE = 0.01  # at which Gaussians end, as in Osokin's code


def draw_heatmaps(
    keypoints: Floats, labelled: Floats, size_hw: tuple[int, int], stride: int, sigma_px: float
) -> Floats:
    """Heat maps (K + 1, rows, columns) of P people: `keypoints` (P, K, 2) in pixels, `labelled` (P, K) 1 or 0.

    The last map is the background: 1 less the maximum of the others.
    """
    rows, columns = (_centres(side, stride) for side in size_hw)
    across = np.exp(-((columns - keypoints[..., 0, None]) ** 2) / (2 * sigma_px**2))  # (P, K, columns)
    down = np.exp(-((rows - keypoints[..., 1, None]) ** 2) / (2 * sigma_px**2)) * labelled[..., None]
    blobs = down[..., None] * across[..., None, :]
    joints = np.where(blobs > _MIN_VALUE, blobs, 0).max(axis=0, initial=0)
    return np.concatenate([joints, 1 - joints.max(axis=0, keepdims=True)]).astype(np.float32)


def draw_fields(
    starts: Floats, ends: Floats, labelled: Floats, size_hw: tuple[int, int], stride: int, band_px: float
) -> Floats:
    """Fields (L, 2, rows, columns) of limbs of P people, `starts` and `ends` (P, L, 2) in pixels, `labelled` (P, L).

    The value is the unit vector from start to end, x and y, in cells at most `band_px` beside the limb or beyond its
    ends, else 0.
    """
    rows, columns = (_centres(side, stride) for side in size_hw)
    along = (ends - starts).astype(np.float32)
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    unit = along / np.maximum(length, 1e-6)
    ux, uy, reach = (part[..., None, None] for part in (unit[..., 0], unit[..., 1], length[..., 0]))
    dx = columns - starts[..., 0, None, None]  # (P, L, 1, columns)
    dy = rows[:, None] - starts[..., 1, None, None]  # (P, L, rows, 1)
    forward, sideways = dx * ux + dy * uy, dx * uy - dy * ux
    inside = (forward >= -band_px) & (forward <= reach + band_px) & (np.abs(sideways) <= band_px)
    inside &= ((labelled > 0) & (length[..., 0] > 0))[..., None, None]
    people = np.maximum(inside.sum(axis=0), 1)  # (L, rows, columns)
    summed = np.stack([(inside * component).sum(axis=0) for component in (ux, uy)], axis=1)
    return np.asarray(summed / people[:, None], np.float32)


def _centres(side_px: int, stride: int) -> Floats:
    return ((np.arange(side_px // stride) + 0.5) * stride - 0.5).astype(np.float32)
