"""A video file, from its first frame to its last."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import av.error

from posestream.stream.sources.ffmpeg.decoded import DecodedFrame
from posestream.stream.sources.ffmpeg.decoder import VideoDecoder, open_container
from posestream.stream.sources.ffmpeg.truncation import missing_bytes
from posestream.stream.sources.redact import redact
from posestream.stream.sources.source import SourceError, SourceLost

if TYPE_CHECKING:
    from av.container import InputContainer

TIMEOUTS_S = (10.0, 10.0)  # for a file behind http://; the disk has no limit


class FileSource:
    """Every frame of the video at `target`, a path or an http(s) URL, once and in order, upright.

    With `realtime` each comes at its own time, else as fast as they are read. A damaged frame is a DecodeError, and the
    next one follows; a truncated file is a SourceLost after its last good frame.
    """

    live = False

    def __init__(self, target: str, *, realtime: bool) -> None:
        self.name = redact(target)
        self._target = target
        self._path = None if "://" in target else Path(target)
        self._realtime = realtime
        self._container: InputContainer | None = None
        self._decoder: VideoDecoder | None = None
        self._started_ns: int | None = None  # monotonic time at which the stream's time was 0

    def open(self) -> None:
        """Opens the file. Raises SourceError where it does not exist, or contains no video that can be decoded."""
        if self._path is not None:
            _check(self._path, self.name)
        self._container = open_container(self._target, self.name, {}, TIMEOUTS_S)
        self._decoder = VideoDecoder(self._container, self.name, threads="AUTO")

    def read(self) -> DecodedFrame | None:
        """The next frame; None after the last.

        Raises DecodeError where a frame is damaged, SourceLost where the file is truncated or cannot be read on.
        """
        if self._decoder is None:
            raise SourceLost(f"{self.name}: not open")
        try:
            frame = self._decoder.next()
        except av.error.FFmpegError as error:
            raise SourceLost(
                f"{self.name}: cannot be read beyond frame {self._decoder.frames}: {error.strerror}"
            ) from None
        if frame is None:
            self._check_end(self._decoder.frames)
        elif self._realtime:
            self._wait_for(frame)
        return frame

    def close(self) -> None:
        """Closes the file. Frames that were read stay valid."""
        self._decoder = None
        if self._container is not None:
            self._container.close()
            self._container = None

    def _check_end(self, frames: int) -> None:
        missing = missing_bytes(self._path) if self._path is not None else 0
        if missing:
            raise SourceLost(f"{self.name}: truncated: it ends after {frames} frames, {missing} bytes before its end")
        if not frames:
            raise SourceLost(f"{self.name}: not one frame in it can be decoded")

    def _wait_for(self, frame: DecodedFrame) -> None:
        """Waits for the frame's time, counted from the first frame; that is its time of arrival."""
        if frame.source_ns is None:
            return
        if self._started_ns is not None:
            time.sleep(max(0, self._started_ns + frame.source_ns - time.monotonic_ns()) / 1e9)
        frame.arrived_ns = time.monotonic_ns()
        if self._started_ns is None:
            self._started_ns = frame.arrived_ns - frame.source_ns


def _check(path: Path, name: str) -> None:
    if not path.exists():
        raise SourceError(f"{name}: there is no such file")
    if path.is_dir():
        raise SourceError(f"{name}: this is a folder, not a video")
    if not path.stat().st_size:
        raise SourceError(f"{name}: the file is empty")
