"""A camera on the network: RTSP over TCP or UDP, or a stream over HTTP such as Motion-JPEG.

Opening takes about 0.1 s, because FFmpeg's analysis of the stream is off; the first frame is the next key frame. The
flag `nobuffer` is left out on purpose: it discards the packets read to probe the stream, and with them the key frame.
"""

from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

import av.error
from av.codec.context import Flags

from posestream.stream.sources.ffmpeg.decoded import DecodedFrame
from posestream.stream.sources.ffmpeg.decoder import VideoDecoder, open_container
from posestream.stream.sources.redact import redact
from posestream.stream.sources.source import SourceLost

if TYPE_CHECKING:
    from av.container import InputContainer

Transport: TypeAlias = Literal["tcp", "udp"]

QUICK = {"analyzeduration": "1", "fpsprobesize": "0"}  # us, frames
UDP_BUFFER = str(2 << 20)  # bytes: a key frame of a large picture, sent in one burst; the system may allow less


class NetworkSource:
    """Live frames from `url` (rtsp, rtsps, http, https). `transport` is that of RTSP's media.

    `open_timeout_s` bounds connecting. A read times out after 2 `stall_s` (FFmpeg retries once), later than the feed,
    which leaves it behind after `stall_s`. Timestamps are the stream's, from its start; Motion-JPEG has none.
    """

    live = True

    def __init__(self, url: str, *, transport: Transport, open_timeout_s: float, stall_s: float) -> None:
        self.name = redact(url)
        self._url = url
        self._timeouts_s = (open_timeout_s, stall_s)
        self._options = dict(QUICK)
        if urlsplit(url).scheme in ("rtsp", "rtsps"):
            self._options |= {"rtsp_transport": transport, "allowed_media_types": "video", "buffer_size": UDP_BUFFER}
        self._container: InputContainer | None = None
        self._decoder: VideoDecoder | None = None

    def open(self) -> None:
        """Connects. Raises SourceError where that fails, with the explanation, without the credentials."""
        self._container = open_container(self._url, self.name, self._options, self._timeouts_s)
        self._decoder = VideoDecoder(self._container, self.name, threads="SLICE")
        self._decoder.stream.codec_context.flags |= Flags.low_delay

    def read(self) -> DecodedFrame:
        """The next frame. Raises SourceLost where the stream ends or stalls, DecodeError where a frame is damaged."""
        if self._decoder is None:
            raise SourceLost(f"{self.name}: not open")
        try:
            frame = self._decoder.next()
        except (av.error.ExitError, av.error.TimeoutError):
            raise SourceLost(f"{self.name}: no packet for {2 * self._timeouts_s[1]:g} s") from None
        except av.error.FFmpegError as error:
            raise SourceLost(f"{self.name}: {error.strerror}") from None
        if frame is None:
            raise SourceLost(f"{self.name}: the server ended the stream")
        return frame

    def close(self) -> None:
        """Disconnects. Frames that were read stay valid."""
        self._decoder = None
        if self._container is not None:
            self._container.close()
            self._container = None
