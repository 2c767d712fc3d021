"""A frame as FFmpeg decoded it: its planes are copied into the slot without conversion if their colours allow it.

Readers of i420 and nv12 slots assume BT.601 in limited range, as OpenCV's YUV conversions do. Cameras that send JPEG
use the full range instead: it is scaled while the plane is copied. A stream in other colours (BT.709, RGB, ten bits
...), or with an odd side, is converted by swscale to bgr24, which is unambiguous.
"""

from fractions import Fraction
from typing import TypeAlias

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from posestream.engines.plan import PixelFormat
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.sources.limited_range import CHROMA_TO_LIMITED, LUMA_TO_LIMITED

Pixels: TypeAlias = NDArray[np.uint8]

PACKED: dict[str, PixelFormat] = {"yuv420p": "i420", "yuvj420p": "i420", "nv12": "nv12"}
BT601 = {2, 5, 6}  # AVColorSpace: unspecified (which FFmpeg treats as BT.601 too), BT.470BG, SMPTE 170M
CLOCKWISE = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}


class DecodedFrame:
    """One picture of a stream, upright. It holds the decoder's memory as long as it lives."""

    __slots__ = ("_picture", "_quarters", "arrived_ns", "geometry", "source_ns")

    def __init__(self, picture: av.VideoFrame, arrived_ns: int, source_ns: int | None) -> None:
        self.arrived_ns = arrived_ns
        self.source_ns = source_ns
        self._picture = picture
        self._quarters = round(-picture.rotation / 90) % 4  # FFmpeg counts counterclockwise
        width, height = (picture.height, picture.width) if self._quarters % 2 else (picture.width, picture.height)
        self.geometry = Geometry(width, height, _pixel_format(picture, turned=self._quarters != 0))

    def write(self, slot: Pixels) -> None:
        """Writes the pixels into `slot`, 1-D uint8 of `geometry.nbytes`."""
        target = slot.reshape(self.geometry.shape)
        if self.geometry.pixel_format == "bgr24":
            bgr = self._picture.reformat(format="bgr24")
            _copy(_rows(bgr, 0, bgr.width * 3).reshape(bgr.height, bgr.width, 3), target, self._quarters)
        else:
            self._pack(target)

    def _pack(self, target: Pixels) -> None:
        picture, height = self._picture, self._picture.height
        full = picture.format.name == "yuvj420p" or picture.color_range == ColorRange.JPEG
        chroma = target[height:].reshape(len(picture.planes) - 1, height // 2, -1)
        for index, plane in enumerate((target[:height], *chroma)):
            rows = _rows(picture, index, plane.shape[1])
            if full:
                cv2.convertScaleAbs(rows, plane, *(CHROMA_TO_LIMITED if index else LUMA_TO_LIMITED))
            else:
                np.copyto(plane, rows)


def timestamp_ns(pts: int | None, time_base: Fraction | None) -> int | None:
    """A stream's own timestamp in nanoseconds; None if it has none."""
    if pts is None or time_base is None:
        return None
    return pts * time_base.numerator * 1_000_000_000 // time_base.denominator


def _pixel_format(picture: av.VideoFrame, turned: bool) -> PixelFormat:
    packed = PACKED.get(picture.format.name)
    odd = picture.width % 2 or picture.height % 2
    upside_down = any(plane.line_size < 0 for plane in picture.planes)
    if packed is None or odd or turned or upside_down or picture.colorspace not in BT601:
        return "bgr24"
    return packed


def _rows(picture: av.VideoFrame, index: int, row_bytes: int) -> Pixels:
    """A view of plane `index`, (rows, row_bytes), without the padding that decoders put after each row."""
    plane = picture.planes[index]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, :row_bytes]


def _copy(image: Pixels, target: Pixels, quarters: int) -> None:
    if quarters:
        cv2.rotate(image, CLOCKWISE[quarters], dst=target)
    else:
        np.copyto(target, image)
