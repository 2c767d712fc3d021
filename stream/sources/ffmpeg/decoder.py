"""FFmpeg's part in live streams and video files: opening a container, and decoding its video stream."""

import time
from collections import deque
from typing import TYPE_CHECKING

import av
import av.error

from posestream.stream.sources.ffmpeg.decoded import DecodedFrame, timestamp_ns
from posestream.stream.sources.source import DecodeError, SourceError

if TYPE_CHECKING:
    from av.container import InputContainer

# FFmpeg's error on opening a target -> its explanation. The first match counts.
MEANINGS: tuple[tuple[type[Exception], str], ...] = (
    (
        av.error.HTTPUnauthorizedError,
        "user name or password is missing or wrong (they go before the host: USER:PASSWORD@HOST)",
    ),
    (av.error.HTTPForbiddenError, "this user may not see the stream"),
    (av.error.HTTPNotFoundError, "there is no stream at this path"),
    (av.error.ConnectionRefusedError, "connection refused: is the camera on, and the port right?"),
    (av.error.InvalidDataError, "this is not video, or its beginning or index is missing"),
    (av.error.PermissionError, "no permission to read it"),
    (av.error.OSError, "it cannot be reached: is the name right?"),
)
NO_ANSWER = "no answer in time: is the camera on, and in this network?"
UNSTAMPED = {"mpjpeg"}  # formats without timestamps, for which FFmpeg invents 25 Hz


def open_container(
    target: str, name: str, options: dict[str, str], timeouts_s: tuple[float, float]
) -> "InputContainer":
    """Opens a path or URL; `timeouts_s` are for opening and for each read.

    Raises SourceError where it cannot be opened, with the explanation, and `name` in place of the target and its
    credentials.
    """
    began_ns = time.monotonic_ns()
    try:
        return av.open(target, options=options, timeout=timeouts_s)
    except (av.error.ExitError, av.error.TimeoutError):
        raise SourceError(f"{name}: {NO_ANSWER}") from None
    except av.error.FFmpegError as error:
        if (
            time.monotonic_ns() - began_ns >= timeouts_s[0] * 1e9
        ):  # the timeout, as the error of the call that it interrupted
            raise SourceError(f"{name}: {NO_ANSWER}") from None
        meaning = next((text for kind, text in MEANINGS if isinstance(error, kind)), f"{error.strerror}")
        raise SourceError(f"{name}: {meaning}") from None  # FFmpeg's text contains the target


class VideoDecoder:
    """Frames of the first video stream of `container`, in presentation order.

    `threads` is FFmpeg's threading: "SLICE" adds no latency, "AUTO" holds frames back and is faster. Raises SourceError
    where there is no video stream.
    """

    def __init__(self, container: "InputContainer", name: str, threads: str) -> None:
        if not container.streams.video:
            raise SourceError(f"{name}: there is no video stream in it")
        self.name = name
        self.stream = container.streams.video[0]
        self.stream.thread_type = threads
        self.frames = 0
        """Undamaged frames so far."""
        self._stamped = container.format.name not in UNSTAMPED
        self._packets = container.demux(self.stream)
        self._ready: deque[DecodedFrame | str] = deque()  # a str is the damage of a frame
        self._cut = False

    def next(self) -> DecodedFrame | None:
        """The next frame; None after the last.

        A truncated packet is not decoded; the last packet, if truncated, is the cut end of a file and no frame. Raises
        DecodeError where a packet or a frame is damaged, av.error.FFmpegError where the container is.
        """
        while not self._ready:
            packet = next(self._packets, None)
            if packet is None:
                return None
            self._decode(packet, time.monotonic_ns())
        ready = self._ready.popleft()
        if isinstance(ready, str):
            raise DecodeError(f"{self.name}: what follows good frame {self.frames} {ready}")
        self.frames += 1
        return ready

    def _decode(self, packet: "av.Packet[av.VideoStream]", arrived_ns: int) -> None:
        if packet.size and self._cut:
            self._ready.append("is cut")
            self._cut = False
        if packet.is_corrupt:
            self._cut = True
            return
        try:
            pictures = packet.decode()
        except av.error.InvalidDataError:
            self._ready.append("cannot be decoded")
            return
        for picture in pictures:
            self._ready.append(self._frame(picture, arrived_ns))

    def _frame(self, picture: av.VideoFrame, arrived_ns: int) -> DecodedFrame | str:
        if picture.is_corrupt:
            return "is damaged"
        return DecodedFrame(
            picture, arrived_ns, timestamp_ns(picture.pts, picture.time_base) if self._stamped else None
        )
