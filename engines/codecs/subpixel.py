"""Sub-cell refinement of the peaks of heat maps.

All functions take maps (M, h, w) float32, the cells (M, 2) intp, x and y, of their maxima, and the sigma of the targets
in cells. They return places (M, 2) float64 in cells, whose centres are integers.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Maps: TypeAlias = NDArray[np.float32]
Cells: TypeAlias = NDArray[np.intp]
Places: TypeAlias = NDArray[np.float64]
Refinement: TypeAlias = Callable[[Maps, Cells, float], Places]

_EPSILON = 1e-10  # under the logarithm, as in DARK's code
_UDP_RANGE = (1e-3, 50.0)  # as in UDP's code


def highest(maps: Maps) -> tuple[Cells, Maps]:
    """The cell (M, 2), x and y, of each map's maximum, the first of equal ones, and its value (M,)."""
    flat = maps.reshape(len(maps), -1)
    at = flat.argmax(axis=1)
    cells = np.stack([at % maps.shape[2], at // maps.shape[2]], axis=1)
    return cells, flat[np.arange(len(flat)), at]


def as_they_are(_maps: Maps, cells: Cells, _sigma: float) -> Places:
    """Arg-max: the cells themselves."""
    return cells.astype(np.float64)


def quarter(maps: Maps, cells: Cells, _sigma: float, beyond: int = 0) -> Places:
    """A quarter of a cell towards the larger neighbour, on both axes, for cells with both neighbours in the map.

    Newell et al. 2016, "Stacked Hourglass Networks", section 3.2, and other Torch7 code, whose condition 1 < x < w
    counts from 1. Cells up to `beyond` on either axis, and those in the last row or column, are not refined.
    """
    height, width = maps.shape[1:]
    inside = np.all((cells > beyond) & (cells < (width - 1, height - 1)), axis=1, keepdims=True)
    around = _around(maps, cells, 1)
    slope = np.stack([around[:, 1, 2] - around[:, 1, 0], around[:, 2, 1] - around[:, 0, 1]], axis=1)
    return as_they_are(maps, cells, 0) + np.where(inside, 0.25 * np.sign(slope), 0.0)


def quarter_hrnet(maps: Maps, cells: Cells, sigma: float) -> Places:
    """`quarter` of HRNet's code, whose condition 1 < x < w - 1 counts from 0: cells at 1 are not refined either."""
    return quarter(maps, cells, sigma, beyond=1)


def dark(maps: Maps, cells: Cells, sigma: float) -> Places:
    """Zhang et al. 2020, "Distribution-Aware Coordinate Representation for Human Pose Estimation", eq. 6-9.

    A step of Newton's method on the logarithm of the map, smoothed with a kernel like that of the targets (`sigma`);
    derivatives by central differences over two cells, as in the authors' code. Its rescaling of the smoothed map to the
    old maximum cancels in the derivatives of a logarithm.
    """
    height, width = maps.shape[1:]
    f = np.log(np.maximum(_smooth(_around(maps, cells, reach_of(sigma) + 2), sigma), _EPSILON))
    first = 0.5 * np.stack([f[:, 2, 3] - f[:, 2, 1], f[:, 3, 2] - f[:, 1, 2]], axis=1)
    xx = 0.25 * (f[:, 2, 4] - 2 * f[:, 2, 2] + f[:, 2, 0])
    yy = 0.25 * (f[:, 4, 2] - 2 * f[:, 2, 2] + f[:, 0, 2])
    xy = 0.25 * (f[:, 3, 3] - f[:, 1, 3] - f[:, 3, 1] + f[:, 1, 1])
    inside = np.all((cells > 1) & (cells < (width - 2, height - 2)), axis=1, keepdims=True)
    return as_they_are(maps, cells, sigma) + np.where(inside, _newton(first, xx, xy, yy), 0.0)


def udp(maps: Maps, cells: Cells, sigma: float) -> Places:
    """DARK for targets that are not rounded to cells: Huang et al. 2020, "The Devil is in the Details: Delving into
    Unbiased Data Processing for Human Pose Estimation", section 3.3, with the differences of the authors' code.

    The map is reflected beyond its edges, smoothed and clipped to 0.001 to 50; derivatives are over one cell.
    """
    height, width = maps.shape[1:]
    smooth = _smooth(_around(maps, cells, reach_of(sigma) + 1, cv2.BORDER_REFLECT_101), sigma)
    rows, columns = ((cells[:, axis, None] + (-1, 0, 1)).clip(0, size - 1) for axis, size in ((1, height), (0, width)))
    rows, columns = rows - cells[:, 1:] + 1, columns - cells[:, :1] + 1  # cells beyond the edge take the edge's value
    f = np.log(smooth[np.arange(len(cells))[:, None, None], rows[:, :, None], columns[:, None]].clip(*_UDP_RANGE))
    first = 0.5 * np.stack([f[:, 1, 2] - f[:, 1, 0], f[:, 2, 1] - f[:, 0, 1]], axis=1)
    xx = f[:, 1, 2] - 2 * f[:, 1, 1] + f[:, 1, 0]
    yy = f[:, 2, 1] - 2 * f[:, 1, 1] + f[:, 0, 1]
    xy = 0.5 * (f[:, 2, 2] - f[:, 1, 2] - f[:, 2, 1] + 2 * f[:, 1, 1] - f[:, 1, 0] - f[:, 0, 1] + f[:, 0, 0])
    tiny = np.finfo(np.float32).eps
    return cells + _newton(first, xx + tiny, xy, yy + tiny)


def enlarged(maps: Maps, cells: Cells, _sigma: float) -> Places:
    """Arg-max of the map upsampled 8 times by cubic interpolation, within a cell of the map's own maximum.

    Wei et al. 2016, "Convolutional Pose Machines". The kernel is that of Keys 1981, "Cubic Convolution Interpolation
    for Digital Image Processing", a = -1/2, MATLAB's.
    """
    offsets = (np.arange(-4, 12) + 0.5) / 8 - 0.5  # from the cell to cells of the upsampled map, in cells
    distances = np.abs(offsets[:, None] - np.arange(-3, 4))
    near, far = (
        1.5 * distances**3 - 2.5 * distances**2 + 1,
        -0.5 * distances**3 + 2.5 * distances**2 - 4 * distances + 2,
    )
    kernel = np.where(distances <= 1, near, np.where(distances < 2, far, 0.0))  # (16, 7)
    fine = kernel @ _around(maps, cells, 3, cv2.BORDER_REFLECT_101) @ kernel.T
    at = fine.reshape(len(fine), -1).argmax(axis=1)
    moved = np.stack([offsets[at % 16], offsets[at // 16]], axis=1)
    places: Places = (cells + moved).clip(-0.5, np.array(maps.shape[:0:-1]) - 0.5)
    return places


REFINEMENTS: Mapping[str, Refinement] = {
    "argmax": as_they_are,
    "quarter": quarter,
    "quarter-hrnet": quarter_hrnet,
    "enlarged": enlarged,
    "dark": dark,
    "udp": udp,
}


def _newton(first: Places, xx: Places, xy: Places, yy: Places) -> Places:
    """Minus the inverse of the second derivatives times the first ones (M, 2); 0 if the inverse does not exist.

    Clipped to half a cell, unlike the published code: a peak further away would have its maximum in another cell, and
    at the edge of a map smoothing causes steps of more than a cell.
    """
    determinant = xx * yy - xy**2
    step = np.stack([xy * first[:, 1] - yy * first[:, 0], xy * first[:, 0] - xx * first[:, 1]], axis=1)
    step = np.divide(step, determinant[:, None], out=np.zeros_like(step), where=determinant[:, None] != 0)
    return step.clip(-0.5, 0.5)


def reach_of(sigma: float) -> int:
    """Half the side of the smoothing kernel; its published sides are 11 and 17 cells for sigma 2 and 3."""
    return round(3 * sigma) - 1


def smoothing_taps(sigma: float) -> NDArray[np.float64]:
    """The smoothing kernel along one axis: OpenCV's Gaussian for its side, whose sigma the published code leaves to
    OpenCV.
    """
    return np.asarray(cv2.getGaussianKernel(2 * reach_of(sigma) + 1, 0), np.float64).ravel()


def _smooth(patches: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Patches (M, S, S) smoothed, without the border that the kernel does not fit into."""
    kernel = smoothing_taps(sigma)
    size = patches.shape[1] - len(kernel) + 1
    rows = np.zeros((size, patches.shape[1]))
    for i in range(size):
        rows[i, i : i + len(kernel)] = kernel
    return rows @ patches @ rows.T


def _around(maps: Maps, cells: Cells, reach: int, border: int = cv2.BORDER_CONSTANT) -> NDArray[np.float64]:
    """The values (M, 2 * reach + 1, 2 * reach + 1) around each cell; 0 beyond the map, or its reflection."""
    offsets = np.arange(-reach, reach + 1)
    index = np.arange(len(maps))[:, None, None]
    rows, columns = cells[:, 1, None] + offsets, cells[:, 0, None] + offsets
    sizes = maps.shape[1:]
    inside_rows, inside_columns = ((at >= 0) & (at < n) for at, n in zip((rows, columns), sizes, strict=True))
    rows, columns = (_reflected(at, n) for at, n in zip((rows, columns), sizes, strict=True))
    values = maps[index, rows[:, :, None], columns[:, None]].astype(np.float64)
    if border == cv2.BORDER_CONSTANT:
        values *= inside_rows[:, :, None] & inside_columns[:, None]
    return values


def _reflected(at: Cells, size: int) -> Cells:
    """Indices reflected into 0 to size - 1, without repeating the edge."""
    period = max(2 * (size - 1), 1)
    at = np.abs(at) % period
    return np.minimum(at, period - at) if size > 1 else np.zeros_like(at)
