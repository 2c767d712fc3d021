"""Video files: every frame once and in order, and a clear error for a bad file."""

import struct
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from posestream.stream.sources.ffmpeg.truncation import missing_bytes
from posestream.stream.sources.ffmpeg.video_file import FileSource
from posestream.stream.sources.source import DecodeError, SourceError, SourceLost
from tests.clips import FPS, Part, number_in, picture, write_clip, written

VIDEOS = Path(__file__).parents[4] / "shared" / "data" / "video"
CONTAINERS = [("clip.mp4", "libx264"), ("clip.mkv", "libx264"), ("clip.avi", "mpeg4"), ("clip.ts", "libx264")]


def numbers(source: FileSource) -> list[int]:
    """The numbers of all frames up to the end."""
    found = []
    while (frame := source.read()) is not None:
        found.append(number_in(frame))
    return found


def opened(path: Path | str, realtime: bool = False) -> FileSource:
    source = FileSource(str(path), realtime=realtime)
    source.open()
    return source


@pytest.mark.parametrize(("name", "codec"), CONTAINERS)
def test_every_frame_comes_once_and_in_order(tmp_path: Path, name: str, codec: str) -> None:
    source = opened(write_clip(tmp_path / name, [Part(40)], codec))
    assert numbers(source) == list(range(40))
    source.close()
    source.close()


def test_timestamps_are_the_streams_own(tmp_path: Path) -> None:
    source = opened(write_clip(tmp_path / "clip.mp4", [Part(10)]))
    stamps = [frame.source_ns for frame in iter(source.read, None)]
    assert stamps == pytest.approx([1e9 * n / FPS for n in range(10)], abs=1e6)


def test_a_size_that_changes_along_the_way_changes_the_geometry(tmp_path: Path) -> None:
    source = opened(write_clip(tmp_path / "clip.ts", [Part(10, 320, 240), Part(10, 640, 480)]))
    frames = list(iter(source.read, None))
    assert [number_in(frame) for frame in frames] == list(range(20))
    assert [frame.geometry.width for frame in frames] == [320] * 10 + [640] * 10


def test_real_time_holds_each_frame_until_its_time(tmp_path: Path) -> None:
    source = opened(write_clip(tmp_path / "clip.mp4", [Part(10)]), realtime=True)
    frames = list(iter(source.read, None))
    since_first_ns = [frame.arrived_ns - frames[0].arrived_ns for frame in frames]
    assert all(since >= (frame.source_ns or 0) for since, frame in zip(since_first_ns, frames, strict=True))


@pytest.mark.parametrize(("clockwise", "turn"), [(90, cv2.ROTATE_90_CLOCKWISE), (180, cv2.ROTATE_180)])
def test_a_phones_video_is_turned_upright(tmp_path: Path, clockwise: int, turn: int) -> None:
    path = write_clip(tmp_path / "clip.mp4", [Part(1, 320, 240)])
    level = written(next(iter(opened(path).read, None)))
    upright = cv2.rotate(cv2.cvtColor(level, cv2.COLOR_YUV2BGR_I420), turn)

    set_display_rotation(path, clockwise)
    frame = next(iter(opened(path).read, None))
    assert (frame.geometry.width, frame.geometry.height) == (upright.shape[1], upright.shape[0])
    assert np.abs(written(frame).astype(int) - upright).mean() < 3


def set_display_rotation(path: Path, clockwise: int) -> None:
    """Writes the matrix of ISO/IEC 14496-12, 8.3.2, into the track header of an MP4 file."""
    one = 0x10000
    a, b = {90: (0, one), 180: (-one, 0)}[clockwise]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 4 + 20 + 16
    assert struct.unpack_from(">i", data, at) == (one,)
    struct.pack_into(">5i", data, at, a, b, 0, -b, a)
    path.write_bytes(data)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.mp4: there is no such file"):
        opened(tmp_path / "gone.mp4")


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="folder"):
        opened(tmp_path)


@pytest.mark.parametrize(("content", "message"), [(b"", "empty"), (b"not a video at all\n" * 99, "not video")])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(SourceError, match=message):
        opened(tmp_path / "clip.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate, sound.pts = 8000, 0
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError, match="no video stream"):
        opened(path)


@pytest.mark.parametrize(("name", "codec"), CONTAINERS[:3])
def test_a_truncated_video_gives_its_good_frames_and_then_says_so(tmp_path: Path, name: str, codec: str) -> None:
    path = write_clip(tmp_path / name, [Part(60)], codec)
    if path.suffix == ".mp4":
        path = index_first(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    source = opened(path)
    found: list[int] = []
    with pytest.raises(SourceLost, match="truncated: it ends after") as error:
        while (frame := source.read()) is not None:
            found.append(number_in(frame))
    assert 0 < len(found) < 60
    assert found == list(range(len(found)))
    assert f"after {len(found)} frames" in str(error.value)


def index_first(path: Path) -> Path:
    """The same MP4 with its index before its frames, as players in browsers need it."""
    target = path.with_stem("index_first")
    with av.open(str(path)) as old, av.open(str(target), "w", options={"movflags": "faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    return target


def test_a_video_cut_off_before_its_index_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(SourceError, match="index is missing"):
        opened(path)


@pytest.mark.parametrize(("name", "codec"), CONTAINERS)
def test_a_whole_file_misses_nothing(tmp_path: Path, name: str, codec: str) -> None:
    assert missing_bytes(write_clip(tmp_path / name, [Part(5)], codec)) == 0


@pytest.mark.parametrize(("name", "codec"), CONTAINERS[:3])
def test_a_cut_file_misses_as_much_as_was_cut(tmp_path: Path, name: str, codec: str) -> None:
    path = write_clip(tmp_path / name, [Part(5)], codec)
    whole = path.read_bytes()
    media = whole.index(b"mdat") + 100 if b"mdat" in whole else len(whole) // 2
    path.write_bytes(whole[:media])
    end_of_part = media + missing_bytes(path)
    assert media < end_of_part <= len(whole)
    assert end_of_part == len(whole) or whole[end_of_part + 4 : end_of_part + 8] == b"moov"


def test_a_damaged_frame_is_an_error_and_the_next_follow(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=FPS)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuvj420p"
        for number in range(9):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            packets = stream.encode(frame)
            container.mux(packets)
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data)) if data[at : at + 3] == b"\xff\xd8\xff"]
    assert len(starts) == 9
    data[starts[4] : starts[5] - 8] = bytes(starts[5] - 8 - starts[4])  # the fifth image, not the chunk after it
    path.write_bytes(data)

    source, found, damaged = opened(path), [], 0
    while True:
        try:
            frame_read = source.read()
        except DecodeError:
            damaged += 1
            continue
        if frame_read is None:
            break
        found.append(number_in(frame_read))
    assert (found, damaged) == ([0, 1, 2, 3, 5, 6, 7, 8], 1)


@pytest.mark.skipif(not VIDEOS.exists(), reason="needs the shared test data")
def test_real_footage_is_read_whole() -> None:
    source = opened(VIDEOS / "vtest.avi")
    assert sum(1 for _ in iter(source.read, None)) == 795
