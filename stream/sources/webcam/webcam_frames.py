"""Frames as webcams send them, JPEG, packed YUYV or plain pixels, and their conversion into a slot.

Chroma is taken from the even lines only: I420 has half as many lines of it, and the mean of two costs more than it
shows. JPEG is decoded by libavcodec with every error reported, because libjpeg (and with it OpenCV) silently fills the
gap of a lost USB packet with invented pixels. It costs the same, and makes slots half as large as BGR.
"""

from dataclasses import dataclass
from typing import TypeAlias, cast

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.sources.limited_range import CHROMA_TO_LIMITED, LUMA_TO_LIMITED
from posestream.stream.sources.source import DecodeError

Pixels: TypeAlias = NDArray[np.uint8]

_LINES_TO_ONE = {"yuvj420p": 1, "yuvj422p": 2}  # lines of chroma for each of I420's; the columns agree


class JpegDecoder:
    """Decodes one JPEG after the other into planes; one decoder a camera. Not thread-safe."""

    def __init__(self) -> None:
        self._codec = av.CodecContext.create("mjpeg", "r")
        self._codec.thread_count = 1  # several threads would hold frames back
        self._codec.options = {"err_detect": "explode"}

    def decode(self, jpeg: Pixels) -> av.VideoFrame:
        """The picture of `jpeg`, 1-D uint8. Raises DecodeError where it is damaged."""
        try:
            (picture,) = self._codec.decode(av.Packet(jpeg.tobytes()))
        except (av.FFmpegError, ValueError) as error:
            self._codec.flush_buffers()
            why = getattr(error, "strerror", None) or error
            raise DecodeError(f"damaged JPEG of {jpeg.size} bytes: {why}") from error
        assert isinstance(picture, av.VideoFrame)
        return picture


@dataclass(frozen=True, slots=True)
class JpegFrame:
    """A JPEG, `data` (N,) uint8, decoded when it is written, to I420."""

    arrived_ns: int
    source_ns: int | None
    geometry: Geometry
    data: Pixels
    decoder: JpegDecoder

    def write(self, slot: Pixels) -> None:
        """See `SourceFrame.write`. One copy, which scales the planes to studio range."""
        picture = self.decoder.decode(self.data.reshape(-1))
        if (picture.width, picture.height) != (self.geometry.width, self.geometry.height):
            size = f"{self.geometry.width}x{self.geometry.height}"
            raise DecodeError(f"a JPEG of {picture.width}x{picture.height} came where {size} was agreed")
        luma, *chroma = _i420_planes(slot, self.geometry)
        lines = _LINES_TO_ONE.get(picture.format.name)
        if lines is None:  # 4:4:4, grey: rare
            picture, lines = picture.reformat(format="yuvj420p", dst_color_range="JPEG"), 1
        y, *uv = (_plane(plane) for plane in picture.planes)
        cv2.convertScaleAbs(y, luma, *LUMA_TO_LIMITED)
        for plane, into in zip(uv, chroma, strict=True):
            cv2.convertScaleAbs(plane[::lines], into, *CHROMA_TO_LIMITED)


@dataclass(frozen=True, slots=True)
class YuyvFrame:
    """Packed 4:2:2, `data` (H, W, 2) uint8 in the order Y U Y V; studio range, as UVC defines it."""

    arrived_ns: int
    source_ns: int | None
    geometry: Geometry
    data: Pixels

    def write(self, slot: Pixels) -> None:
        """See `SourceFrame.write`. One pass over the pixels."""
        height, width = self.geometry.height, self.geometry.width
        if self.data.size != height * width * 2:
            raise DecodeError(f"a YUYV frame of {self.data.size} bytes came where {height * width * 2} were agreed")
        luma, u, v = _i420_planes(slot, self.geometry)
        pairs = self.data.reshape(height, width // 2, 4)
        cv2.extractChannel(self.data.reshape(height, width, 2), 0, luma)
        cv2.extractChannel(pairs[::2], 1, u)
        cv2.extractChannel(pairs[::2], 3, v)


@dataclass(frozen=True, slots=True)
class PixelsFrame:
    """Pixels already in the layout of `geometry`, `data` uint8 of any shape: one copy."""

    arrived_ns: int
    source_ns: int | None
    geometry: Geometry
    data: Pixels

    def write(self, slot: Pixels) -> None:
        """See `SourceFrame.write`."""
        if self.data.size != slot.size:
            raise DecodeError(f"a frame of {self.data.size} bytes came where {slot.size} were agreed")
        np.copyto(slot, self.data.reshape(-1))


def _i420_planes(slot: Pixels, geometry: Geometry) -> tuple[Pixels, Pixels, Pixels]:
    """Views of Y (H, W), U and V (H / 2, W / 2) in a slot of I420."""
    height, width = geometry.height, geometry.width
    half = (height // 2, width // 2)
    y, u, v = np.split(slot, [height * width, height * width * 5 // 4])
    return y.reshape(height, width), u.reshape(half), v.reshape(half)


def _plane(plane: VideoPlane) -> Pixels:
    """A view of a decoded plane without the padding of its lines; valid while the picture lives."""
    lines = np.frombuffer(cast("memoryview", plane), np.uint8)  # PyAV's stubs do not declare it as a buffer
    return lines.reshape(-1, plane.line_size)[: plane.height, : plane.width]
