"""From pixels of a frame to the values of a network's input, in place."""

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from posestream.engines.geometry import Affine, each_from_input
from posestream.engines.plan import Region
from posestream.engines.spec import InputSpec

PixelFormat: TypeAlias = Literal["bgr24", "i420", "nv12"]
Pixels: TypeAlias = NDArray[np.uint8]


def frame_size(image: Pixels, pixel_format: PixelFormat) -> tuple[int, int]:
    """Height and width in pixels of a frame whose array is `image`."""
    rows, width = image.shape[:2]
    return (rows if pixel_format == "bgr24" else rows * 2 // 3), width


class Parts(NamedTuple):
    """What regions draw on: left, top, right, bottom (exclusive) of the frame, (N, 4), halved so many times, (N,).

    `sample` (N, 2, 3) float64 maps pixels of the input to pixels of the halved part, `place` to pixels of the frame.
    """

    ltrb: NDArray[np.int64]
    halvings: NDArray[np.int64]
    sample: Affine
    place: Affine


def parts_of(
    regions: Sequence[Region],
    size_hw: tuple[int, int],
    frames_hw: ArrayLike,
    planar: ArrayLike,
    most_halvings: int = 30,
) -> Parts:
    """The parts of frames that inputs of `size_hw`, filled by N `regions`, are sampled from.

    `frames_hw` (N, 2) are height and width of each region's frame, `planar` (N,) whether its colours lie in planes of
    half the size.
    """
    place = each_from_input(regions, size_hw)
    frame_px = np.hypot(place[:, 0, :2], place[:, 1, :2]).min(axis=1)  # in one pixel of the input
    halvings = np.minimum(np.maximum(np.frexp(frame_px)[1] - 1, 0), most_halvings).astype(np.int64)
    aligns = np.left_shift(1, halvings + np.asarray(planar))
    ltrb = _reach(place, size_hw, np.asarray(frames_hw), aligns[:, None])
    factor = np.ldexp(1.0, -halvings)[:, None]
    sample = place * factor[:, None]
    sample[:, :, 2] = (place[:, :, 2] - ltrb[:, :2] + 0.5) * factor - 0.5
    return Parts(ltrb, halvings, sample, place)


class Preprocessor:
    """Cuts regions out of frames and writes them as a network's input. Keeps scratch memory: one for each thread."""

    def __init__(self, spec: InputSpec) -> None:
        """Raises ValueError where an input of integers asks for a mean or a deviation."""
        if spec.tensor.dtype != "float32" and (any(spec.mean) or set(spec.std) != {1.0}):
            raise ValueError(f"{spec.tensor.name}: {spec.tensor.dtype} values cannot be normalised")
        self._spec = spec
        self._scratch: dict[str, Pixels] = {}

    def __call__(self, image: Pixels, pixel_format: PixelFormat, region: Region, out: NDArray[Any]) -> None:
        """Writes the part of a frame that `region` covers into `out`, one image of the input tensor.

        `image` is read only: (H, W, 3) for "bgr24", the packed planes (H * 3 / 2, W) for "i420" and "nv12", BT.601
        limited range, H and W even. `out` has the layout and dtype of the spec without the batch axis, is
        C-contiguous and overwritten whole; what lies outside the frame becomes `pad_value`. Sampling is bilinear, from
        a picture first halved (by the mean of 2x2 pixels) as often as the region is at least twice the input's size;
        up to 2**(halvings + 1) - 1 pixels at the right and bottom edge of the frame may then be left out.
        """
        size_hw = out.shape[1:] if self._spec.layout == "nchw" else out.shape[:2]
        self._pack(self._sample(image, pixel_format, region, (size_hw[0], size_hw[1])), out)

    def _sample(self, image: Pixels, pixel_format: PixelFormat, region: Region, size_hw: tuple[int, int]) -> Pixels:
        """The region as BGR, (*size_hw, 3) uint8, in scratch memory."""
        sampled = self._room("sampled", (*size_hw, 3))
        parts = parts_of([region], size_hw, [frame_size(image, pixel_format)], [pixel_format != "bgr24"])
        (ltrb,), (halvings,) = parts.ltrb.tolist(), parts.halvings.tolist()
        left, top, right, bottom = ltrb
        if right <= left or bottom <= top:
            sampled.fill(self._spec.pad_value)
            return sampled
        if pixel_format == "bgr24":
            pixels = self._halved("bgr", image[top:bottom, left:right], halvings)
        else:
            pixels = self._converted(image, pixel_format, ltrb, halvings)
        border = (float(self._spec.pad_value),) * 3
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cv2.warpAffine(pixels, parts.sample[0], size_hw[::-1], dst=sampled, flags=flags, borderValue=border)
        return sampled

    def _converted(self, image: Pixels, pixel_format: PixelFormat, ltrb: Sequence[int], halvings: int) -> Pixels:
        """A part of a planar frame as BGR.

        Planes are halved before conversion, which then costs a quarter each time; chroma stays constant over 2x2
        pixels of the halved picture, as in a smaller video. The corners of the part are even.
        """
        height, width = frame_size(image, pixel_format)
        left, top, right, bottom = ltrb
        luma = self._halved("luma", image[top:bottom, left:right], halvings)
        inside = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
        if pixel_format == "nv12":
            pairs = image[height:].reshape(height // 2, width // 2, 2)[inside]
            planes = [self._room(f"chroma {i}", pairs.shape[:2]) for i in (0, 1)]
            cv2.split(pairs, planes)  # halving pairs is five times slower than halving planes
        else:
            planes = [plane[inside] for plane in image[height:].reshape(2, height // 2, width // 2)]
        planes = [self._halved(f"chroma {i}", plane, halvings) for i, plane in enumerate(planes)]
        chroma = self._room("chroma", (*planes[0].shape, 2))
        cv2.merge(planes, chroma)
        part = self._room("part", (*luma.shape, 3))
        cv2.cvtColorTwoPlane(luma, chroma, cv2.COLOR_YUV2BGR_NV12, part)
        return part

    def _halved(self, name: str, pixels: Pixels, times: int) -> Pixels:
        """Mean of blocks of 2x2 pixels, `times` over. Repeated halving is 3x faster than one step of 4x4."""
        for i in range(times):
            half = self._room(f"{name} half {i}", (pixels.shape[0] // 2, pixels.shape[1] // 2, *pixels.shape[2:]))
            cv2.resize(pixels, half.shape[1::-1], dst=half, interpolation=cv2.INTER_AREA)
            pixels = half
        return pixels

    def _pack(self, bgr: Pixels, out: NDArray[Any]) -> None:
        """`(pixel - mean) / std` in the colour order, layout and dtype of the input."""
        spec, pixels = self._spec, bgr
        if spec.colour == "rgb":
            pixels = self._room("rgb", bgr.shape)
            cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=pixels)
        if spec.layout == "nhwc":
            np.copyto(out, pixels)
            if any(spec.mean) or set(spec.std) != {1.0}:
                out -= np.asarray(spec.mean, out.dtype)
                out /= np.asarray(spec.std, out.dtype)
            return
        planes = [self._room(f"plane {i}", pixels.shape[:2]) for i in range(3)]
        cv2.split(pixels, planes)
        for plane, values, mean, std in zip(planes, out, spec.mean, spec.std, strict=True):
            if out.dtype == np.float32:
                cv2.addWeighted(plane, 1 / std, plane, 0, -mean / std, dst=values, dtype=cv2.CV_32F)
            else:
                np.copyto(values, plane)

    def _room(self, name: str, shape: Sequence[int]) -> Pixels:
        """Memory of that shape, the same at each call; its content is whatever was there."""
        size = math.prod(shape)
        held = self._scratch.get(name)
        if held is None or held.size < size:
            held = self._scratch[name] = np.empty(size, np.uint8)
        return held[:size].reshape(shape)


def _reach(
    back: Affine, size_hw: tuple[int, int], frames_hw: NDArray[np.int64], aligns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Left, top, right, bottom (exclusive), (N, 4), of the pixels that inputs draw on, as multiples of `aligns`."""
    last_y, last_x = size_hw[0] - 1, size_hw[1] - 1
    corners = back[:, :, :2] @ np.array([[0.0, last_x, 0, last_x], [0, 0, last_y, last_y]]) + back[:, :, 2:]
    least = np.maximum(np.floor(corners.min(axis=2)) - aligns, 0) // aligns
    most = np.minimum(np.ceil(corners.max(axis=2)) + 2 * aligns, frames_hw[:, ::-1]) // aligns
    return np.concatenate([least, most], axis=1).astype(np.int64) * aligns
