import tempfile
from pathlib import Path

import pytest

from posestream.stream.sources.demo import DemoSource
from posestream.stream.sources.ffmpeg.network_camera import NetworkSource
from posestream.stream.sources.ffmpeg.video_file import FileSource
from posestream.stream.sources.images import ImageSource
from posestream.stream.sources.parse import Kind, SourceOptions, maker, parse
from posestream.stream.sources.source import Source, SourceError
from posestream.stream.sources.webcam.webcam import WebcamConnection

OPTIONS = SourceOptions(
    width=640,
    height=480,
    fps=30,
    camera_format="MJPG",
    transport="tcp",
    open_timeout_s=5,
    stall_s=2,
    realtime=False,
    photographs=lambda: [Path("first.png"), Path("second.png")],
)


@pytest.mark.parametrize(
    ("text", "kind", "made", "live"),
    [
        ("0", "camera", WebcamConnection, True),
        ("/dev/video2", "camera", WebcamConnection, True),
        ("/dev/v4l/by-id/usb-cam-video-index0", "camera", WebcamConnection, True),
        ("rtsp://cam/stream", "network", NetworkSource, True),
        ("rtsps://user:secret@cam:322/stream.mp4", "network", NetworkSource, True),
        ("http://cam/video.mjpg", "network", NetworkSource, True),
        ("https://cam/video.cgi?resolution=vga", "network", NetworkSource, True),
        ("http://host/walk.mp4", "video", FileSource, False),
        ("demo", "demo", DemoSource, True),
    ],
)
def test_a_text_stands_for_a_source(text: str, kind: Kind, made: type[Source], live: bool) -> None:
    spec = parse(text)
    source = maker(spec, OPTIONS)()
    assert (spec.kind, spec.live, spec.independent_images) == (kind, live, False)
    assert type(source) is made
    assert source.live is live


@pytest.mark.parametrize(
    ("name", "kind", "made", "independent_images"),
    [
        ("walk.mp4", "video", FileSource, False),
        ("walk", "video", FileSource, False),
        ("photo.JPG", "images", ImageSource, True),
        ("", "images", ImageSource, True),
    ],
)
def test_a_path_is_a_video_or_images(
    tmp_path: Path, name: str, kind: Kind, made: type[Source], independent_images: bool
) -> None:
    if name:
        (tmp_path / name).touch()
    spec = parse(str(tmp_path / name))
    assert (spec.kind, spec.live, spec.independent_images) == (kind, False, independent_images)
    assert type(maker(spec, OPTIONS)()) is made


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ftp://host/walk.mp4", r"cannot read ftp:// .*rtsp://"),
        ("rtps://cam/stream", "cannot read rtps://"),
        ("gone.mp4", "gone.mp4: there is no such file or folder"),
        ("rtsp://", "names no host"),
        ("rtsp://cam/my stream", "%20"),
        ("rtsp://cam:port/stream", "not a URL"),
        ("http://cam/live.m3u8", "HLS"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as error:
        parse(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["rtsp://u:s3cret@cam/x", "rtsp://u:s3/cret@cam/x", "ftp://u:s3cret@h/x", "http://c/x?pwd=s3cret"]
)
def test_a_password_is_never_shown(text: str) -> None:
    try:
        spec = parse(text)
        shown = f"{spec} {spec!r} {spec.name} {maker(spec, OPTIONS)().name}"
    except SourceError as error:
        shown = str(error)
    assert "s3" not in shown
    assert "cret" not in shown


def test_a_webcam_keeps_its_identity_from_one_connection_to_the_next() -> None:
    make = maker(parse("0"), OPTIONS)
    assert make() is not make()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="this system has no /dev/shm")
def test_a_video_in_shared_memory_is_no_camera() -> None:
    with tempfile.NamedTemporaryFile(dir="/dev/shm", suffix=".mp4") as video:
        assert parse(video.name).kind == "video"
