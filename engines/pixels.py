"""Preprocessing: regions of a frame become the images of a network's input, in place.

Each region is cut in three steps. Its mip level is chosen: how often the frame is halved, by means of 2x2 pixels, so
that one pixel of the input covers less than two of the halved frame. Its source rectangle is taken: the part of the
frame that bilinear sampling reads, on the grid of that mip level. The map from input to frame is expressed in pixels of
the halved rectangle, which is then warped by it.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from posestream.engines.geometry import Affine, each_from_input
from posestream.engines.plan import PixelFormat, Region
from posestream.engines.spec import InputSpec

Pixels: TypeAlias = NDArray[np.uint8]


def frame_size(image: Pixels, pixel_format: PixelFormat) -> tuple[int, int]:
    """Height and width in pixels of the frame in the array `image`."""
    rows, width = image.shape[:2]
    return (rows if pixel_format == "bgr24" else rows * 2 // 3), width


class SourceRects(NamedTuple):
    """The source rectangles of N regions.

    `ltrb` (N, 4) are left, top, right, bottom (exclusive) in frame pixels, multiples of 2**mip_level; `mip_levels` (N,)
    are how often the rectangles are halved. `input_to_mip` (N, 2, 3) float64 maps pixels of the input to pixels of the
    halved rectangle, `input_to_frame` (N, 2, 3) float64 to pixels of the frame.
    """

    ltrb: NDArray[np.int64]
    mip_levels: NDArray[np.int64]
    input_to_mip: Affine
    input_to_frame: Affine


def source_rects(
    regions: Sequence[Region],
    size_hw: tuple[int, int],
    frames_hw: ArrayLike,
    planar: ArrayLike,
    max_mip_level: int = 30,
) -> SourceRects:
    """The source rectangles of N `regions` that become inputs of `size_hw`.

    `frames_hw` (N, 2) are the heights and widths of the regions' frames; `planar` (N,) is true for frames whose chroma
    planes have half the size of the luma plane.
    """
    input_to_frame = each_from_input(regions, size_hw)
    mip_levels = _mip_levels(input_to_frame, max_mip_level)
    grid_px = np.left_shift(1, mip_levels + np.asarray(planar))  # corners also lie on the halved chroma planes' grid
    ltrb = _bounds(input_to_frame, size_hw, np.asarray(frames_hw), grid_px[:, None])
    factor = np.ldexp(1.0, -mip_levels)[:, None]  # pixels of the mip level in one of the frame
    input_to_mip = input_to_frame * factor[:, None]
    input_to_mip[:, :, 2] = (input_to_frame[:, :, 2] - ltrb[:, :2] + 0.5) * factor - 0.5
    return SourceRects(ltrb, mip_levels, input_to_mip, input_to_frame)


def _mip_levels(input_to_frame: Affine, max_mip_level: int) -> NDArray[np.int64]:
    """(N,) floor(log2) of the frame pixels that one input pixel covers along the shorter axis, 0 to `max_mip_level`."""
    frame_px = np.hypot(input_to_frame[:, 0, :2], input_to_frame[:, 1, :2]).min(axis=1)
    _, exponents = np.frexp(frame_px)
    return np.asarray(np.clip(exponents - 1, 0, max_mip_level), np.int64)


def _bounds(
    input_to_frame: Affine, size_hw: tuple[int, int], frames_hw: NDArray[np.int64], grid_px: NDArray[np.int64]
) -> NDArray[np.int64]:
    """`SourceRects.ltrb`: the input's extent in the frame and one cell around it, on grids of `grid_px` (N, 1).

    Cells that reach beyond the right or bottom edge of the frame are left out.
    """
    last_y, last_x = size_hw[0] - 1, size_hw[1] - 1
    linear, offset = input_to_frame[:, :, :2], input_to_frame[:, :, 2:]
    corners = linear @ np.array([[0.0, last_x, 0, last_x], [0, 0, last_y, last_y]]) + offset
    first = np.maximum(np.floor(corners.min(axis=2)) - grid_px, 0) // grid_px
    end = np.minimum(np.ceil(corners.max(axis=2)) + 2 * grid_px, frames_hw[:, ::-1]) // grid_px
    return np.concatenate([first, end], axis=1).astype(np.int64) * grid_px


class Preprocessor:
    """Cuts regions out of frames and writes them as a network's input. Owns scratch memory: use one per thread."""

    def __init__(self, spec: InputSpec) -> None:
        """Raises ValueError where an integer input has a mean or a standard deviation."""
        if spec.tensor.dtype != "float32" and (any(spec.mean) or set(spec.std) != {1.0}):
            raise ValueError(f"{spec.tensor.name}: {spec.tensor.dtype} values cannot be normalised")
        self._spec = spec
        self._scratch: dict[str, Pixels] = {}

    def __call__(self, image: Pixels, pixel_format: PixelFormat, region: Region, out: NDArray[Any]) -> None:
        """Writes the part of a frame that `region` covers into `out`, one image of the input tensor.

        `image` is read only: (H, W, 3) for "bgr24", the packed planes (H * 3 / 2, W) for "i420" and "nv12", BT.601
        limited range, H and W even. `out` has the layout and dtype of the spec without the batch axis, is C-contiguous
        and overwritten whole; pixels outside the frame become `pad_value`. Sampling is bilinear, from the mip level of
        the region; up to 2**(mip_level + 1) - 1 pixels at the right and bottom edge of the frame may be left out.
        """
        size_hw = out.shape[1:] if self._spec.layout == "nchw" else out.shape[:2]
        self._normalise(self._warp(image, pixel_format, region, (size_hw[0], size_hw[1])), out)

    def _warp(self, image: Pixels, pixel_format: PixelFormat, region: Region, size_hw: tuple[int, int]) -> Pixels:
        """The region as BGR, (*size_hw, 3) uint8, in scratch memory."""
        warped = self._buffer("warped", (*size_hw, 3))
        rects = source_rects([region], size_hw, [frame_size(image, pixel_format)], [pixel_format != "bgr24"])
        (ltrb,), (mip_level,) = rects.ltrb.tolist(), rects.mip_levels.tolist()
        left, top, right, bottom = ltrb
        if right <= left or bottom <= top:
            warped.fill(self._spec.pad_value)
            return warped
        if pixel_format == "bgr24":
            source = self._halved("bgr", image[top:bottom, left:right], mip_level)
        else:
            source = self._converted(image, pixel_format, ltrb, mip_level)
        border = (float(self._spec.pad_value),) * 3
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cv2.warpAffine(source, rects.input_to_mip[0], size_hw[::-1], dst=warped, flags=flags, borderValue=border)
        return warped

    def _converted(self, image: Pixels, pixel_format: PixelFormat, ltrb: Sequence[int], mip_level: int) -> Pixels:
        """A rectangle of a planar frame at a mip level, as BGR. Its corners are even.

        The planes are halved before conversion, which then costs a quarter per level; chroma is constant over 2x2
        pixels of the mip level, as in a smaller video.
        """
        height, width = frame_size(image, pixel_format)
        left, top, right, bottom = ltrb
        luma = self._halved("luma", image[top:bottom, left:right], mip_level)
        rect = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
        if pixel_format == "nv12":
            pairs = image[height:].reshape(height // 2, width // 2, 2)[rect]
            planes = [self._buffer(f"chroma {i}", pairs.shape[:2]) for i in (0, 1)]
            cv2.split(pairs, planes)  # halving pairs is five times slower than halving planes
        else:
            planes = [plane[rect] for plane in image[height:].reshape(2, height // 2, width // 2)]
        planes = [self._halved(f"chroma {i}", plane, mip_level) for i, plane in enumerate(planes)]
        chroma = self._buffer("chroma", (*planes[0].shape, 2))
        cv2.merge(planes, chroma)
        bgr = self._buffer("converted", (*luma.shape, 3))
        cv2.cvtColorTwoPlane(luma, chroma, cv2.COLOR_YUV2BGR_NV12, bgr)
        return bgr

    def _halved(self, name: str, pixels: Pixels, times: int) -> Pixels:
        """Means of blocks of 2x2 pixels, `times` over. Repeated halving is 3x faster than one step of 4x4."""
        for i in range(times):
            half = self._buffer(f"{name} half {i}", (pixels.shape[0] // 2, pixels.shape[1] // 2, *pixels.shape[2:]))
            cv2.resize(pixels, half.shape[1::-1], dst=half, interpolation=cv2.INTER_AREA)
            pixels = half
        return pixels

    def _normalise(self, bgr: Pixels, out: NDArray[Any]) -> None:
        """`(pixel - mean) / std` in the colour order, layout and dtype of the input."""
        spec, pixels = self._spec, bgr
        if spec.colour == "rgb":
            pixels = self._buffer("rgb", bgr.shape)
            cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=pixels)
        if spec.layout == "nhwc":
            np.copyto(out, pixels)
            if any(spec.mean) or set(spec.std) != {1.0}:
                out -= np.asarray(spec.mean, out.dtype)
                out /= np.asarray(spec.std, out.dtype)
            return
        planes = [self._buffer(f"plane {i}", pixels.shape[:2]) for i in range(3)]
        cv2.split(pixels, planes)
        for plane, values, mean, std in zip(planes, out, spec.mean, spec.std, strict=True):
            if out.dtype == np.float32:
                cv2.addWeighted(plane, 1 / std, plane, 0, -mean / std, dst=values, dtype=cv2.CV_32F)
            else:
                np.copyto(values, plane)

    def _buffer(self, name: str, shape: Sequence[int]) -> Pixels:
        """Uninitialised scratch memory of that shape, the same memory for the same name."""
        size = math.prod(shape)
        held = self._scratch.get(name)
        if held is None or held.size < size:
            held = self._scratch[name] = np.empty(size, np.uint8)
        return held[:size].reshape(shape)
