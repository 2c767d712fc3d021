"""The rows that tell the kernels what to cut, and how: `engines/cuda/kernels/rows.cuh` in numpy's words."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from posestream.engines.batches import FrameBatch
from posestream.engines.pixels import PixelFormat, frame_size, source_rects
from posestream.engines.spec import InputSpec

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
_PACKED = 0
_FORMATS: Mapping[PixelFormat, int] = {"bgr24": _PACKED, "i420": 1, "nv12": 2}
MOST_HALVINGS = 8
"""What the kernels can do: a region may be 256 times the input's size, more than any frame is."""


def crop_rows(batches: Sequence[FrameBatch], addresses: Sequence[int]) -> NDArray[np.void]:
    """A row of CROP for each region of frames that all go into images of one size, in order.

    `addresses` are where the frames lie on the device.
    """
    counts = [len(batch.regions) for batch in batches]
    regions = [region for batch in batches for region in batch.regions]
    frames = [(*frame_size(batch.picture, batch.pixel_format), _FORMATS[batch.pixel_format]) for batch in batches]
    height, width, pixel_format = np.repeat(np.array(frames).reshape(-1, 3), counts, axis=0).T
    size_hw = batches[0].size_hw
    rects = source_rects(regions, size_hw, np.stack([height, width], axis=1), pixel_format != _PACKED, MOST_HALVINGS)
    rows = np.zeros(len(regions), CROP)
    rows["frame"] = np.repeat(np.array(addresses, np.uint64), counts)
    rows["height"], rows["width"], rows["pixel_format"] = height, width, pixel_format
    rows["halvings"], rows["sample"], rows["place"] = rects.mip_levels, rects.input_to_mip, rects.input_to_frame
    rows["left"], rows["top"], rows["right"], rows["bottom"] = rects.ltrb.T
    rows["mirrored"], rows["shown"] = [region.mirrored for region in regions], True
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
