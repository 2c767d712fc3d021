"""A webcam, through OpenCV: V4L2 on Linux, the system's own interface elsewhere.

Frames stay as the camera sent them (`CAP_PROP_CONVERT_RGB` off) until one is wanted: most are JPEG, and one that a
newer frame replaces is then never decoded. What a camera grants is read back, because OpenCV's `set` says True even
where the driver refused.
"""

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from posestream.stream.ipc.frame_geometry import Geometry, PixelFormat
from posestream.stream.sources.source import SourceError, SourceFrame, SourceLost
from posestream.stream.sources.webcam.v4l2 import CameraInfo, find_again, has_v4l2, list_cameras
from posestream.stream.sources.webcam.webcam_frames import JpegDecoder, JpegFrame, Pixels, PixelsFrame, YuyvFrame

log = logging.getLogger(__name__)

_ON_LINUX = sys.platform == "linux"
_FIRST_FRAME_NS = 10_000_000_000  # some cameras take seconds to start
_SILENCE_NS = 1_500_000_000  # none is slower than 1 Hz. The feed waits longer: it finds the camera free again
_BUFFERS = 2  # one being filled, one being read: with one the driver has nowhere to put the next frame

# Formats taken unconverted, and what their frames are written as.
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
    """Which camera is meant, and what to ask of it; makes a connection to it at each call.

    `where` is a number (`0` is /dev/video0), a node (/dev/video0, /dev/v4l/by-id/…) or an identity that `list_cameras`
    gave. From the first connection on, the camera is known by its identity, and is found under whatever number it has.
    `pixel_format` is the four characters to ask for, such as MJPG; where it is refused the camera sends what it has.
    """

    def __init__(self, where: int | str, *, width: int, height: int, fps: float, pixel_format: str) -> None:
        number = isinstance(where, int) or where.isdecimal()
        self.where = f"/dev/video{where}" if number and _ON_LINUX else str(where)
        self.asked = (pixel_format, width, height, fps)
        self.info: CameraInfo | None = None
        """The camera as it was last found; None before, and where there is no V4L2."""
        self.granted = ""
        """What it last agreed to, for people: "640x480 MJPG 30 fps (asked 1280x720 MJPG 30 fps)"."""

    def __call__(self) -> "WebcamConnection":
        """A connection that is yet to be opened."""
        return WebcamConnection(self)

    def locate(self) -> CameraInfo:
        """The camera as it is now. Raises SourceError where it is away, naming the cameras there are."""
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
    """A webcam as a source of frames (`stream.sources.source.Source`), from one plugging in to the next unplugging."""

    live = True

    def __init__(self, webcam: Webcam) -> None:
        self.name = webcam.where if _ON_LINUX else f"camera {webcam.where}"
        self._webcam = webcam
        self._capture: cv2.VideoCapture | None = None
        self._make: _MakeFrame | None = None
        self._patience_ns = _FIRST_FRAME_NS

    def open(self) -> None:
        """Raises SourceError where the camera is absent, not permitted, in use, or agrees to nothing."""
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # what it warns of, we say in one line
        capture = self._connect()
        try:
            self._make = self._negotiate(capture)
        except SourceError:
            capture.release()
            raise
        self._capture = capture
        log.info("%s: %s", self.name, self._webcam.granted)

    def read(self) -> SourceFrame:
        """The next frame, waiting for it. Raises SourceLost after an unplug, or when the camera goes silent."""
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
        """Asks for the wanted format, and prepares for what was granted."""
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
            raise SourceError(f"{self.name}: it agrees to no picture size; is another program using it?")
        self._webcam.granted = (
            f"{granted_width}x{granted_height} {granted} {capture.get(cv2.CAP_PROP_FPS):g} fps"
            f" (asked {width}x{height} {asked_format} {fps:g} fps)"
        )
        return _frames_of(capture, granted, granted_width, granted_height)


def _wait(capture: cv2.VideoCapture, patience_ns: int) -> bool:
    """Waits for the next frame and takes it; False when none comes, or the camera has gone."""
    if not _ON_LINUX:
        return bool(capture.grab())
    try:
        return bool(cv2.VideoCapture.waitAny([capture], patience_ns)[0])
    except cv2.error:
        return False


def _frames_of(capture: cv2.VideoCapture, granted: str, width: int, height: int) -> _MakeFrame:
    """Makes frames of what `capture` delivers: unconverted where the format is known, else as OpenCV's BGR."""
    raw = _ON_LINUX and width % 2 == 0 and height % 2 == 0 and granted in _RAW
    capture.set(cv2.CAP_PROP_CONVERT_RGB, 0 if raw else 1)
    geometry = Geometry(width, height, _RAW[granted] if raw else "bgr24")
    if raw and granted in ("MJPG", "JPEG"):
        decoder = JpegDecoder()
        return lambda arrived_ns, source_ns, data: JpegFrame(arrived_ns, source_ns, geometry, data, decoder)
    kind = YuyvFrame if raw and granted == "YUYV" else PixelsFrame
    return lambda arrived_ns, source_ns, data: kind(arrived_ns, source_ns, geometry, data)
