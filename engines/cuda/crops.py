"""The rows in device memory that the crop kernel reads: `engines/cuda/kernels/rows.cuh` as numpy dtypes."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from posestream.engines.batches import FrameBatch
from posestream.engines.pixels import frame_size, source_rects
from posestream.engines.plan import PixelFormat
from posestream.engines.spec import InputSpec

CROP = np.dtype(
    [
        ("frame", "<u8"),
        ("input_to_mip", "<f8", (2, 3)),
        ("input_to_frame", "<f8", (2, 3)),
        ("width", "<i4"),
        ("height", "<i4"),
        ("pixel_format", "<i4"),
        ("mip_level", "<i4"),
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
MAX_MIP_LEVEL = 8
"""Of the kernel: a region may be 256 times the input's size, more than any frame is."""


def crop_rows(batches: Sequence[FrameBatch], addresses: Sequence[int]) -> NDArray[np.void]:
    """Rows (N,) of CROP, one per region, in order; the regions of all batches become images of one size.

    `addresses` are those of the frames, one per batch, in device memory.
    """
    counts = [len(batch.regions) for batch in batches]
    regions = [region for batch in batches for region in batch.regions]
    frames = [(*frame_size(batch.picture, batch.pixel_format), _FORMATS[batch.pixel_format]) for batch in batches]
    height, width, pixel_format = np.repeat(np.array(frames).reshape(-1, 3), counts, axis=0).T
    size_hw = batches[0].size_hw
    rects = source_rects(regions, size_hw, np.stack([height, width], axis=1), pixel_format != _PACKED, MAX_MIP_LEVEL)
    rows = np.zeros(len(regions), CROP)
    rows["frame"] = np.repeat(np.array(addresses, np.uint64), counts)
    rows["height"], rows["width"], rows["pixel_format"] = height, width, pixel_format
    rows["mip_level"] = rects.mip_levels
    rows["input_to_mip"], rows["input_to_frame"] = rects.input_to_mip, rects.input_to_frame
    rows["left"], rows["top"], rows["right"], rows["bottom"] = rects.ltrb.T
    rows["mirrored"], rows["shown"] = [region.mirrored for region in regions], True
    return rows


def padding_rows(count: int) -> NDArray[np.void]:
    """Rows (count,) of CROP that only fill a batch: the kernels skip them."""
    return np.zeros(count, CROP)


def input_row(spec: InputSpec, size_hw: tuple[int, int]) -> NDArray[np.void]:
    """The row (1,) of INPUT for images of that height and width."""
    row = np.zeros(1, INPUT)
    deviations = np.array(spec.std)
    row["scale"], row["shift"] = 1 / deviations, -np.array(spec.mean) / deviations
    row["pad"], row["height"], row["width"] = spec.pad_value, *size_hw
    row["nhwc"], row["rgb"] = spec.layout == "nhwc", spec.colour == "rgb"
    return row
