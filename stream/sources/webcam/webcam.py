"""A webcam, through OpenCV: V4L2 on Linux, the system's own interface elsewhere.

Frames stay as the camera sent them (`CAP_PROP_CONVERT_RGB` off) until they are written: most are JPEG, and one that a
newer frame replaces is never decoded. The settings that a camera grants are read back, because OpenCV's `set` returns
True even where the driver refused.
"""

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from posestream.engines.plan import PixelFormat
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.sources.source import SourceError, SourceFrame, SourceLost
from posestream.stream.sources.webcam.v4l2 import CameraInfo, find_again, has_v4l2, list_cameras
from posestream.stream.sources.webcam.webcam_frames import JpegDecoder, JpegFrame, Pixels, PixelsFrame, YuyvFrame

log = logging.getLogger(__name__)

_ON_LINUX = sys.platform == "linux"
_FIRST_FRAME_NS = 10_000_000_000  # some cameras take seconds to start
_SILENCE_NS = (
    1_500_000_000  # no camera is slower than 1 Hz; the feed waits longer, so the camera is free when it connects again
)
_BUFFERS = 2  # one being filled, one being read: with one the driver has nowhere to put the next frame

# Formats that stay unconverted -> the pixel format in which their frames are written.
_RAW: dict[str, PixelFormat] = {
    "MJPG": "i420",
    "JPEG": "i420",
    "YUYV": "i420",
    "NV12": "nv12",
    "YU12": "i420",
    "BGR3": "bgr24",
}

_MakeFrame: TypeAlias = Callable[[int, int | None, Pixels], SourceFrame]


class Webcam:
    """A camera and the settings to ask it for; each call makes a connection to it.

    `where` is a number (`0` is /dev/video0), a node (/dev/video0, /dev/v4l/by-id/…) or an identity of `list_cameras`.
    From the first connection on the camera is known by its identity, and found under any number. `pixel_format` is the
    four characters to ask for, such as MJPG; a camera that refuses it sends another.
    """

    def __init__(self, where: int | str, *, width: int, height: int, fps: float, pixel_format: str) -> None:
        number = isinstance(where, int) or where.isdecimal()
        self.where = f"/dev/video{where}" if number and _ON_LINUX else str(where)
        self.asked = (pixel_format, width, height, fps)
        self.info: CameraInfo | None = None
        """The camera as it was last found; None before, and without V4L2."""
        self.granted = ""
        """The settings last granted, for the log: "640x480 MJPG 30 fps (asked 1280x720 MJPG 30 fps)"."""

    def __call__(self) -> "WebcamConnection":
        """A connection, not opened yet."""
        return WebcamConnection(self)

    def locate(self) -> CameraInfo:
        """The camera as it is now. Raises SourceError where it is away, naming the cameras that are present."""
        cameras = list_cameras()
        if self.info is not None:
            found = find_again(self.info, cameras)
        else:
            path = str(Path(self.where).resolve())
            found = next((info for info in cameras if self.where == info.identity or path == info.path), None)
        if found is not None:
            self.info = found
            return found
        if not has_v4l2():
            raise SourceError(f"{self.where}: no V4L2 here (the kernel has no camera driver loaded)")
        wanted = self.where if self.info is None else f"{self.info.name} ({self.info.identity})"
        others = ", ".join(f"{info.path} ({info.name})" for info in cameras)
        raise SourceError(f"{wanted}: no such camera; " + (f"there is {others}" if others else "plug one in"))


class WebcamConnection:
    """One connection to a webcam, a source of frames (`stream.sources.source.Source`) until the webcam is unplugged."""

    live = True

    def __init__(self, webcam: Webcam) -> None:
        self.name = webcam.where if _ON_LINUX else f"camera {webcam.where}"
        self._webcam = webcam
        self._capture: cv2.VideoCapture | None = None
        self._make: _MakeFrame | None = None
        self._patience_ns = _FIRST_FRAME_NS

    def open(self) -> None:
        """Connects. Raises SourceError where the camera is absent, not permitted, in use, or grants no size."""
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # our errors replace its warnings
        capture = self._connect()
        try:
            self._make = self._negotiate(capture)
        except SourceError:
            capture.release()
            raise
        self._capture = capture
        log.info("%s: %s", self.name, self._webcam.granted)

    def read(self) -> SourceFrame:
        """The next frame, waiting for it. Raises SourceLost where the camera is unplugged or delivers no more."""
        capture, make = self._capture, self._make
        if capture is None or make is None:
            raise SourceLost(f"{self.name}: not open")
        asked_ns = time.monotonic_ns()
        came = _wait(capture, self._patience_ns)
        arrived_ns = time.monotonic_ns()
        if not came and arrived_ns - asked_ns >= self._patience_ns:
            raise SourceLost(f"{self.name}: no frame for {self._patience_ns / 1e9:g} s")
        if not came:
            raise SourceLost(f"{self.name}: unplugged")
        got, data = capture.retrieve()
        if not got or data.size == 0:
            raise SourceLost(f"{self.name}: unplugged")
        self._patience_ns = _SILENCE_NS
        exposed_ns = round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        return make(arrived_ns, exposed_ns if exposed_ns > 0 else None, np.asarray(data, np.uint8))

    def close(self) -> None:
        """Frees the camera. May be called twice."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _connect(self) -> cv2.VideoCapture:
        if not _ON_LINUX:
            capture = cv2.VideoCapture(int(self._webcam.where))
            if not capture.isOpened():
                raise SourceError(f"{self.name}: none there, or not permitted in the system's privacy settings")
            return capture
        info = self._webcam.locate()
        self.name = f"{info.name} ({info.path})"
        if info.problem:
            raise SourceError(f"{self.name}: {info.problem}")
        capture = cv2.VideoCapture(info.path, cv2.CAP_V4L2)
        if not capture.isOpened():
            raise SourceError(f"{self.name}: it does not start; is another program using it?")
        return capture

    def _negotiate(self, capture: cv2.VideoCapture) -> _MakeFrame:
        """Asks for the settings, and returns the factory of frames in the granted format.

        Raises SourceError where the camera grants no size.
        """
        asked_format, width, height, fps = self._webcam.asked
        wanted: tuple[tuple[int, float], ...] = (
            (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*asked_format)),  # first: sizes and rates depend on it
            (cv2.CAP_PROP_FRAME_WIDTH, width),
            (cv2.CAP_PROP_FRAME_HEIGHT, height),
            (cv2.CAP_PROP_FPS, fps),
            (cv2.CAP_PROP_BUFFERSIZE, _BUFFERS),
        )
        for key, value in wanted:
            capture.set(key, value)
        granted = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("ascii", "replace").strip("\0")
        granted_width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        granted_height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if granted_width < 1 or granted_height < 1:
            raise SourceError(f"{self.name}: it grants no picture size; is another program using it?")
        self._webcam.granted = (
            f"{granted_width}x{granted_height} {granted} {capture.get(cv2.CAP_PROP_FPS):g} fps"
            f" (asked {width}x{height} {asked_format} {fps:g} fps)"
        )
        return _frames_of(capture, granted, granted_width, granted_height)


def _wait(capture: cv2.VideoCapture, patience_ns: int) -> bool:
    """Waits for the next frame and takes it; False if none comes in time, or the camera is gone."""
    if not _ON_LINUX:
        return bool(capture.grab())
    try:
        return bool(cv2.VideoCapture.waitAny([capture], patience_ns)[0])
    except cv2.error:
        return False


def _frames_of(capture: cv2.VideoCapture, granted: str, width: int, height: int) -> _MakeFrame:
    """The factory of the frames that `capture` delivers: unconverted if the format is known, else OpenCV's BGR."""
    raw = _ON_LINUX and width % 2 == 0 and height % 2 == 0 and granted in _RAW
    capture.set(cv2.CAP_PROP_CONVERT_RGB, 0 if raw else 1)
    geometry = Geometry(width, height, _RAW[granted] if raw else "bgr24")
    if raw and granted in ("MJPG", "JPEG"):
        decoder = JpegDecoder()
        return lambda arrived_ns, source_ns, data: JpegFrame(arrived_ns, source_ns, geometry, data, decoder)
    kind = YuyvFrame if raw and granted == "YUYV" else PixelsFrame
    return lambda arrived_ns, source_ns, data: kind(arrived_ns, source_ns, geometry, data)
