"""The rows that tell the kernels what to cut, and how: `engines/cuda/kernels/rows.cuh` in numpy's words."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engines.geometry import from_input
from engines.pixels import PixelFormat, Pixels, frame_size, part_of
from engines.plan import Region
from engines.spec import InputSpec

CROP = np.dtype(
    [
        ("frame", "<u8"),
        ("sample", "<f8", (2, 3)),
        ("place", "<f8", (2, 3)),
        ("width", "<i4"),
        ("height", "<i4"),
        ("pixel_format", "<i4"),
        ("halvings", "<i4"),
        ("left", "<i4"),
        ("top", "<i4"),
        ("right", "<i4"),
        ("bottom", "<i4"),
        ("mirrored", "<i4"),
        ("shown", "<i4"),
    ],
    align=True,
)
INPUT = np.dtype(
    [
        ("scale", "<f4", 3),
        ("shift", "<f4", 3),
        ("pad", "<i4"),
        ("width", "<i4"),
        ("height", "<i4"),
        ("nhwc", "<i4"),
        ("rgb", "<i4"),
        ("spare", "<i4"),
    ],
    align=True,
)
_FORMATS: Mapping[PixelFormat, int] = {"bgr24": 0, "i420": 1, "nv12": 2}
MOST_HALVINGS = 8
"""What the kernels can do: a region may be 256 times the input's size, more than any frame is."""


def crop_rows(
    regions: Sequence[Region], picture: Pixels, pixel_format: PixelFormat, address: int, size_hw: tuple[int, int]
) -> NDArray[np.void]:
    """A row (N,) of CROP for each of `regions` of a frame.

    `picture` is the frame as `engines.pixels.Preprocessor` takes it, `address` where it lies on the device, `size_hw`
    height and width of the images that the regions become.
    """
    frame_hw = frame_size(picture, pixel_format)
    rows = np.zeros(len(regions), CROP)
    for row, region in zip(rows, regions, strict=True):
        part = part_of(region, size_hw, frame_hw, pixel_format, MOST_HALVINGS)
        row["frame"], row["height"], row["width"] = address, *frame_hw
        row["pixel_format"], row["halvings"] = _FORMATS[pixel_format], part.halvings
        row["sample"], row["place"] = part.sample, from_input(region, size_hw)
        row["left"], row["top"], row["right"], row["bottom"] = part.ltrb
        row["mirrored"], row["shown"] = region.width_px < 0, True
    return rows


def padding_rows(count: int) -> NDArray[np.void]:
    """Rows (count,) of CROP that show nothing: the kernels leave them out."""
    return np.zeros(count, CROP)


def input_row(spec: InputSpec, size_hw: tuple[int, int]) -> NDArray[np.void]:
    """The row (1,) of INPUT for images of that height and width."""
    row = np.zeros(1, INPUT)
    deviations = np.array(spec.std)
    row["scale"], row["shift"] = 1 / deviations, -np.array(spec.mean) / deviations
    row["pad"], row["height"], row["width"] = spec.pad_value, *size_hw
    row["nhwc"], row["rgb"] = spec.layout == "nhwc", spec.colour == "rgb"
    return row
