"""The video sink: frames with skeletons drawn, H.264 in MP4, each frame at its time of capture.

One camera is written to the file that the user named, several to one file each: `walk.mp4`, or `walk.cam0.mp4` and
`walk.cam1.mp4`. A new part, `walk.2.mp4`, starts when a camera's frame size changes and when the sink was restarted;
images of a folder are fitted into the size of the first instead. A part is a fragmented MP4 while it grows, which plays
up to its last second after a kill, and is rewritten as an ordinary one at its end (FFmpeg's "hybrid" MP4, since 7.1).
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from posestream.stream.drawing.overlay import draw_notice, draw_people
from posestream.stream.drawing.palette import RANDOM_WEIGHTS_NOTICE
from posestream.stream.drawing.pictures import FrameReader, Picture
from posestream.stream.errors import RunError
from posestream.stream.ipc.messages import FrameFacts
from posestream.stream.published import Person, pose_decoder
from posestream.stream.run.topology import CameraSpec, Topology
from posestream.stream.sinks.sink import StartedFiles

log = logging.getLogger(__name__)

TICKS_HZ = 60_000  # of timestamps: NTSC's frame times are whole ticks, and MPEG-4's limit of 65535 is kept
IMAGE_NS = 1_000_000_000  # display time of an image of a folder
FRAGMENT_US = 1_000_000  # what a kill may lose
KEYFRAME_EVERY = 30  # frames
CONTAINER_OPTIONS = {
    "movflags": "+hybrid_fragmented+frag_keyframe",
    "frag_duration": str(FRAGMENT_US),
    "flush_packets": "1",
}
ENCODERS: dict[str, dict[str, str]] = {
    "libx264": {"preset": "veryfast", "crf": "23", "bf": "0"},  # B-frames would delay all timestamps
    "mpeg4": {"q": "4"},
}
"""Encoder -> options, in order of preference; PyAV's wheels have the first."""
BT601 = 6  # AVCOL_SPC_SMPTE170M, the matrix of the conversion from BGR
LIMITED_RANGE = 1  # AVCOL_RANGE_MPEG


class Video:
    """Writes the frames of all cameras. Under policy `latest`, a frame overwritten before it is copied is skipped."""

    def __init__(self, path: Path, started_files: StartedFiles, topology: Topology) -> None:
        """Opens no file: a part starts with its first frame."""
        self.skipped: Counter[str] = Counter()
        self._path = path
        self._started_files = started_files
        self._cameras = {camera.name: camera for camera in topology.cameras}
        self._min_score = topology.config.draw.min_score
        self._random = topology.config.run.random_weights
        self._pictures = FrameReader(topology.frame_ring)
        self._parts: dict[str, Part] = {}

    def write(self, frame: FrameFacts, payload: bytes) -> None:
        """Draws the people into a copy of the frame and adds it. Raises RunError where the file cannot be written."""
        picture = self._pictures.copy(frame.camera, frame.epoch, frame.seq)
        if picture is None:
            self.skipped[frame.camera] += 1
            return
        people: Sequence[Person] = pose_decoder.decode(payload).people
        draw_people(picture, people, self._min_score)
        if self._random:
            draw_notice(picture, RANDOM_WEIGHTS_NOTICE)
        part = self._parts.get(frame.camera)
        if part is not None and self._cameras[frame.camera].independent_images:
            picture = fitted(picture, part.shape)
        self._part(frame.camera, picture).add(picture, media_time_ns(frame, self._cameras[frame.camera]))

    def _part(self, camera: str, picture: Picture) -> "Part":
        part = self._parts.get(camera)
        if part is None or part.shape != picture.shape:
            if part is not None:
                part.close()
            file = self._next_file(camera)
            self._parts[camera] = Part(file, picture)
            self._started_files.add(file)
        return self._parts[camera]

    def _next_file(self, camera: str) -> Path:
        name = self._path.stem if len(self._cameras) == 1 else f"{self._path.stem}.{camera}"
        number, file = 1, self._path.with_name(f"{name}.mp4")
        while file in self._started_files:
            number, file = number + 1, self._path.with_name(f"{name}.{number + 1}.mp4")
        return file

    def close(self) -> None:
        """Finishes all parts, and logs the number of skipped frames."""
        self._pictures.close()
        for part in self._parts.values():
            part.close()
        for camera, count in self.skipped.items():
            log.warning("%s: %d frames of %s were overwritten before they could be drawn", self._path, count, camera)


class Part:
    """One MP4 file, whose frames have one shape."""

    def __init__(self, file: Path, first: Picture) -> None:
        """Creates the file. Raises RunError where it cannot be opened."""
        self.shape = first.shape
        self._file = file
        self._start_ns: int | None = None
        self._last_ticks = -1
        self._container, self._stream = self._opened()

    def _opened(self) -> tuple[OutputContainer, VideoStream]:
        encoder = next(name for name in ENCODERS if name in av.codecs_available)
        try:
            container = av.open(str(self._file), "w", format="mp4", options=CONTAINER_OPTIONS)
        except OSError as error:
            raise self._unwritable(error) from None
        stream = container.add_stream(encoder, rate=KEYFRAME_EVERY, options=ENCODERS[encoder])
        assert isinstance(stream, VideoStream)
        height, width, _ = self.shape
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS_HZ)
        stream.codec_context.gop_size = KEYFRAME_EVERY
        stream.codec_context.colorspace = BT601
        stream.codec_context.color_range = LIMITED_RANGE
        return container, stream

    def add(self, picture: Picture, time_ns: int) -> None:
        """Adds a picture, (H, W, 3) uint8 BGR; a time that does not grow becomes one tick later than the last.

        Raises RunError where the file cannot be written.
        """
        height, width, _ = self.shape
        if height % 2 or width % 2:  # H.264 in 4:2:0 has even sides
            edge = cv2.BORDER_REPLICATE
            picture = cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, edge)  # type: ignore[assignment]
        if self._start_ns is None:
            self._start_ns = time_ns
        ticks = round((time_ns - self._start_ns) * TICKS_HZ / 1e9)
        self._last_ticks = max(ticks, self._last_ticks + 1)
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts, frame.time_base = self._last_ticks, Fraction(1, TICKS_HZ)
        self._mux(frame)

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except OSError as error:
            self._abandon()
            raise self._unwritable(error) from None

    def _abandon(self) -> None:
        with contextlib.suppress(OSError):
            self._container.close()

    def _unwritable(self, error: OSError) -> RunError:
        return RunError(f"{self._file}: cannot be written: {error.strerror}")

    def close(self) -> None:
        """Finishes the file. Raises RunError where it cannot be written."""
        self._mux(None)
        try:
            self._container.close()
        except OSError as error:
            raise self._unwritable(error) from None


def fitted(picture: Picture, shape: tuple[int, ...]) -> Picture:
    """The picture letterboxed into `shape`, (H, W, 3): scaled to fit, centred, on black."""
    height, width = picture.shape[:2]
    scale = min(shape[0] / height, shape[1] / width)
    inner_h, inner_w = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (shape[0] - inner_h) // 2, (shape[1] - inner_w) // 2
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    letterboxed = np.zeros(shape, np.uint8)
    letterboxed[top : top + inner_h, left : left + inner_w] = cv2.resize(picture, (inner_w, inner_h), interpolation=how)
    return letterboxed


def media_time_ns(frame: FrameFacts, camera: CameraSpec) -> int:
    """The frame's time in the video: an image's by number, a file's timestamp under `every`, else the capture's."""
    if camera.independent_images:
        return frame.seq * IMAGE_NS
    if camera.policy == "every" and frame.source_ns is not None:
        return frame.source_ns
    return frame.capture_ns
