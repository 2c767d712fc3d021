"""Source names, as a user writes them, and the sources they stand for.

0  /dev/video0  /dev/v4l/by-id/...     a webcam
usb:046d:0825:8A2F#0                   a webcam by its identity, whatever its number (`posestream doctor` shows it)
rtsp://  rtsps://  http://  https://   a network camera; http with a video file's name is that file
walk.mp4  photo.jpg  photos/           a video, an image, a folder of images
demo                                   the demo
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from posestream.stream.sources.redact import redact
from posestream.stream.sources.source import Source, SourceError

if TYPE_CHECKING:
    from posestream.stream.sources.ffmpeg.network_camera import Transport

Kind: TypeAlias = Literal["camera", "network", "video", "images", "demo"]

STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")
VIDEO_SUFFIXES = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm"}
ACCEPTED = "a camera's number or /dev/videoN, an rtsp:// or http:// URL, a video, an image, a folder of images, or demo"


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """The source that a text stands for. `target` is a path, URL or camera, with credentials; show `name`."""

    kind: Kind
    target: str

    @property
    def name(self) -> str:
        """The target for logs and messages, credentials redacted."""
        return redact(self.target)

    @property
    def live(self) -> bool:
        """True if frames come at their own pace and do not end."""
        return self.kind in ("camera", "network", "demo")

    @property
    def independent_images(self) -> bool:
        """True where each frame is a scene of its own, with nothing carried over from the one before."""
        return self.kind == "images"

    def __repr__(self) -> str:
        return f"SourceSpec({self.kind}, {self.name})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """Settings of sources; each kind of source takes those that concern it."""

    width: int
    height: int
    fps: float
    camera_format: str
    transport: "Transport"
    open_timeout_s: float
    stall_s: float
    realtime: bool
    photographs: Callable[[], Sequence[Path]]
    """Returns the paths of the demo's two photographs; called for the demo alone."""


def parse(text: str) -> SourceSpec:
    """The source that `text` stands for. A video, image or folder must exist; cameras and streams may come later.

    Raises SourceError, in one line, where it stands for none.
    """
    if text == "demo":
        return SourceSpec("demo", text)
    if "://" in text:
        return SourceSpec(_kind_of_url(text), text)
    path = Path(text)
    if text.isdecimal() or text.startswith("usb:") or (text.startswith("/dev/") and not path.is_file()):
        return SourceSpec("camera", text)  # a video in /dev/shm is a file all the same
    if not path.exists():
        raise SourceError(f"{redact(text)}: there is no such file or folder (a source is {ACCEPTED})")
    from posestream.stream.sources.images import SUFFIXES  # sources are imported by need

    is_images = path.is_dir() or path.suffix.lower() in SUFFIXES
    return SourceSpec("images" if is_images else "video", text)


def maker(spec: SourceSpec, options: SourceOptions) -> Callable[[], Source]:
    """The factory that `Feed` calls for each attempt to connect. Raises what `options.photographs` raises."""
    match spec.kind:
        case "camera":
            from posestream.stream.sources.webcam.webcam import Webcam

            return Webcam(
                spec.target,
                width=options.width,
                height=options.height,
                fps=options.fps,
                pixel_format=options.camera_format,
            )
        case "network":
            from posestream.stream.sources.ffmpeg.network_camera import NetworkSource

            return lambda: NetworkSource(
                spec.target,
                transport=options.transport,
                open_timeout_s=options.open_timeout_s,
                stall_s=options.stall_s,
            )
        case "video":
            from posestream.stream.sources.ffmpeg.video_file import FileSource

            return lambda: FileSource(spec.target, realtime=options.realtime)
        case "images":
            from posestream.stream.sources.images import ImageSource

            return lambda: ImageSource(Path(spec.target))
        case "demo":
            from posestream.stream.sources.demo import DemoSource

            photographs = options.photographs()
            return lambda: DemoSource(photographs)


def _kind_of_url(text: str) -> Kind:
    name = redact(text)
    try:
        url = urlsplit(text)
        host = url.hostname
        _ = url.port
    except ValueError:  # its text may contain a part of the password
        raise SourceError(f"{name}: this is not a URL: in a password, / is written %2F, : %3A and @ %40") from None
    suffix = Path(url.path).suffix.lower()
    if url.scheme not in STREAM_SCHEMES:
        schemes = ", ".join(f"{scheme}://" for scheme in STREAM_SCHEMES)
        raise SourceError(f"{name}: cannot read {url.scheme}:// (what can be read: {schemes})")
    if not host or any(character.isspace() for character in text):
        raise SourceError(f"{name}: this is not a URL: " + ("a space is written %20" if host else "it names no host"))
    if suffix == ".m3u8":
        raise SourceError(f"{name}: HLS comes in bursts and late: use the camera's rtsp:// or Motion-JPEG address")
    return "video" if url.scheme.startswith("http") and suffix in VIDEO_SUFFIXES else "network"
