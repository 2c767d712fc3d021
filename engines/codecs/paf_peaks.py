"""Peaks of heat maps, between cells and up to the border."""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs.boxes import greedy

_MAX_PEAKS = 500  # of an image; bounds the work on noise
_MIN_VALUE = 0.01  # at which the Gaussians of targets end
_PAD_CELLS = 2


class Peaks(NamedTuple):
    """P joints of all types: `places` (P, 2) x, y in cells of the network's maps, `scores` (P,), `types` (P,)."""

    places: NDArray[np.float32]
    scores: NDArray[np.float32]
    types: NDArray[np.intp]


def find_peaks(heat: NDArray[Any], min_score: float, upsample: int, sigma: float) -> Peaks:
    """The peaks above `min_score` in heat maps (rows, columns, K), best first, at most 500.

    They are maxima of 3x3 cells of the map upsampled by `upsample`, refined by a parabola through the cells, and at
    least a cell apart. `sigma` is that of the targets' Gaussians, in cells.
    """
    large = cv2.resize(_extended(heat, sigma), None, fx=upsample, fy=upsample, interpolation=cv2.INTER_CUBIC)
    peak = (large > min_score) & (large == cv2.dilate(large, np.ones((3, 3), np.uint8)))
    rows, columns, types = np.nonzero(peak)
    scores = np.asarray(large[rows, columns, types], np.float32)
    best = np.argsort(-scores, kind="stable")[:_MAX_PEAKS]
    rows, columns, types, scores = rows[best], columns[best], types[best], scores[best]
    tops = np.stack([columns, rows], axis=1) + _to_top(large, rows, columns, types)
    borders = np.array(heat.shape[1::-1]) - 0.5
    places = ((tops + 0.5) / upsample - 0.5 - _PAD_CELLS).clip(-0.5, borders).astype(np.float32)
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    kept = greedy((types[:, None] == types[None]) & (apart < 1), scores, 0.5)  # a flat top has several maxima
    return Peaks(places[kept], scores[kept], types[kept])


def _extended(heat: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    """Heat maps (rows, columns, K) padded by two cells on each side, which continue the Gaussians at the border.

    With the border repeated instead, as cv2.resize does, a joint within a cell of it is found up to 6 px off.
    """
    logs = np.log(np.maximum(heat, _MIN_VALUE))
    for axis in (0, 1):
        before = _beyond(logs, axis, sigma)
        after = np.flip(_beyond(np.flip(logs, axis), axis, sigma), axis)
        logs = np.concatenate([before, logs, after], axis)
    extended: NDArray[np.float32] = np.exp(logs, dtype=np.float32)
    extended[_PAD_CELLS:-_PAD_CELLS, _PAD_CELLS:-_PAD_CELLS] = heat
    return extended


def _beyond(logs: NDArray[Any], axis: int, sigma: float) -> NDArray[Any]:
    """The two cells before the first along `axis` of log maps, in which a Gaussian is a parabola.

    They are no larger than the first, since a joint in the image is nearer to the first.
    """
    first, second = (logs.take([i], axis, mode="clip") for i in (0, 1))
    slope, bend = first - second, 1 / sigma**2
    nearer = np.minimum(first + slope - bend, first)
    farther = np.minimum(first + 2 * slope - 3 * bend, nearer)
    return np.concatenate([farther, nearer], axis)


def _to_top(
    maps: NDArray[Any], rows: NDArray[np.intp], columns: NDArray[np.intp], types: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Offsets (P, 2), x and y, from peaks (P,) to the tops of the parabolas through their neighbours, at most 0.5."""
    here = maps[rows, columns, types]
    offsets = []
    for down, right in ((0, 1), (1, 0)):
        inner = np.where(down, (rows > 0) & (rows < maps.shape[0] - 1), (columns > 0) & (columns < maps.shape[1] - 1))
        before = maps[rows - down * inner, columns - right * inner, types]
        after = maps[rows + down * inner, columns + right * inner, types]
        curvature = 2 * here - before - after
        offsets.append(0.5 * (after - before) / np.where(curvature > 0, curvature, np.inf))
    return np.stack(offsets, axis=1).clip(-0.5, 0.5)
