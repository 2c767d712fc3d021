"""--output FILE.mp4, by the real process, read back with a decoder."""

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.plan import PixelFormat
from posestream.stream.drawing.overlay import NOTICE_BGR
from posestream.stream.drawing.palette import colour_rgb
from posestream.stream.ipc.messages import EndOfStream, Failed, Ready, Released, Sample, encode
from posestream.stream.published import PoseMessage
from tests.stream.consumer_run import SLOTS, ConsumerRun
from tests.stream.publisher import person, pose

Picture = NDArray[np.uint8]
MS = 1_000_000
CODEC_LOSS = 30  # grey levels that H.264 in 4:2:0 may be off, away from edges


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "walk.mp4"


@pytest.fixture
def run(run_dir: Path, file: Path) -> Iterator[ConsumerRun]:
    with ConsumerRun(run_dir, sinks=[file]) as run:
        yield run


def feed(run: ConsumerRun, picture: Picture, count: int, first: int = 0) -> list[PoseMessage]:
    """Frames at 25 Hz by their source's clock, each when the one before it was let go."""
    sent = []
    for seq in range(first, first + count):
        sent.append(run.sample("sink.0", picture, seq=seq, source_ns=1000 * MS + seq * 40 * MS))
        run.next(Released)
    return sent


def watched(file: Path) -> tuple[list[Picture], list[float]]:
    """Pictures (H, W, 3) BGR and their times in ms."""
    with av.open(str(file)) as container:
        frames = list(container.decode(video=0))
    pictures = [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in frames]
    return pictures, [round(frame.time * 1000, 2) for frame in frames]


def test_every_frame_is_there_once_at_its_own_time(run: ConsumerRun, file: Path, picture: Picture) -> None:
    child = run.start("sink.0")
    feed(run, picture, 40)
    run.send("sink.0", EndOfStream())
    run.ended(child)
    _, times_ms = watched(file)
    assert times_ms == [40.0 * i for i in range(40)]


def test_shows_the_picture_with_the_skeleton_drawn(run: ConsumerRun, file: Path, picture: Picture) -> None:
    child = run.start("sink.0")
    someone = person(id=0, x=120, y=30, size=190)
    run.sample("sink.0", picture, people=[someone], seq=0)
    run.stop("sink.0", child)
    (shown,), _ = watched(file)
    assert np.abs(shown[:, 250:].astype(int) - picture[:, 250:]).max() < CODEC_LOSS
    (x, ankle_y, _), (_, knee_y, _) = someone.keypoints[15], someone.keypoints[13]
    shin = shown[round((ankle_y + knee_y) / 2), round(x)][::-1]
    assert np.abs(shin.astype(int) - colour_rgb(0)).max() < 2 * CODEC_LOSS


def test_what_random_weights_made_is_marked_as_such(run_dir: Path, file: Path, picture: Picture) -> None:
    with ConsumerRun(run_dir, sinks=[file], settings={"run.random_weights": True}) as run:
        child = run.start("sink.0")
        run.sample("sink.0", picture, people=[], seq=0)
        run.stop("sink.0", child)
    (shown,), _ = watched(file)
    bar = shown[:4].astype(int)
    assert np.abs(bar - NOTICE_BGR).max() < 2 * CODEC_LOSS
    assert np.abs(shown[30:].astype(int) - picture[30:]).max() < CODEC_LOSS


@pytest.mark.parametrize("pixel_format", ["i420", "nv12"])
def test_takes_frames_as_their_decoder_left_them(
    run: ConsumerRun, file: Path, picture: Picture, pixel_format: PixelFormat
) -> None:
    picture[:, 160:] = (200, 60, 60)
    planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
    if pixel_format == "nv12":
        chroma = planes[240:].reshape(2, -1).T.reshape(120, 320)
        planes = np.concatenate([planes[:240], chroma])
    message = pose(people=[])
    child = run.start("sink.0")
    run.send("sink.0", Sample(frame=run.frame(planes, message, pixel_format), payload=encode(message)))
    run.stop("sink.0", child)
    (shown,), _ = watched(file)
    assert np.abs(shown[:, 200:].astype(int) - (200, 60, 60)).max() < CODEC_LOSS


def test_a_live_camera_keeps_its_capture_times_and_skips_overwritten_frames(
    run_dir: Path, file: Path, picture: Picture
) -> None:
    with ConsumerRun(run_dir, sinks=[file], policy="latest") as run:
        for seq in range(SLOTS + 2):  # the first two are overwritten before the sink is there to read them
            run.sample("sink.0", picture, seq=seq, capture_ns=5000 * MS + seq * 70 * MS, source_ns=0)
        child = run.start("sink.0")
        run.next(Ready)
        said = run.stop("sink.0", child)
    _, times_ms = watched(file)
    assert times_ms == [0.0, 70.0, 140.0, 210.0]
    assert f"{file}: 2 frames of cam0 were overwritten before they could be drawn" in said


def test_each_picture_of_a_folder_is_shown_for_a_second(run_dir: Path, file: Path, picture: Picture) -> None:
    with ConsumerRun(run_dir, sinks=[file], independent_images=True) as run:
        child = run.start("sink.0")
        feed(run, picture, 3)
        run.stop("sink.0", child)
    assert watched(file)[1] == [0.0, 1000.0, 2000.0]


def test_images_of_a_folder_are_fitted_into_the_size_of_the_first(run_dir: Path, file: Path, picture: Picture) -> None:
    upright = np.full((480, 240, 3), 200, np.uint8)
    with ConsumerRun(run_dir, sinks=[file], independent_images=True) as run:
        child = run.start("sink.0")
        feed(run, picture, 1)
        run.sample("sink.0", upright, epoch=1, seq=1)
        run.stop("sink.0", child)
    first, second = watched(file)[0]
    assert first.shape == second.shape == picture.shape
    assert np.median(second[:, 110:210]) > 200 - CODEC_LOSS  # 240 high, hence 120 wide, in the middle of 320
    assert max(second[:, :90].max(), second[:, 230:].max()) < CODEC_LOSS


def test_several_cameras_get_a_file_each(run_dir: Path, file: Path, picture: Picture) -> None:
    with ConsumerRun(run_dir, sinks=[file], cameras=("cam0", "door")) as run:
        child = run.start("sink.0")
        for seq in range(3):
            run.sample("sink.0", picture, camera="door", seq=seq, source_ns=seq * 40 * MS)
        run.sample("sink.0", picture, camera="cam0")
        run.stop("sink.0", child)
    assert len(watched(file.with_name("walk.door.mp4"))[0]) == 3
    assert len(watched(file.with_name("walk.cam0.mp4"))[0]) == 1


def test_another_picture_size_begins_a_further_part(run: ConsumerRun, file: Path, picture: Picture) -> None:
    child = run.start("sink.0")
    feed(run, picture, 2)
    run.sample("sink.0", picture[:121, :161].copy(), epoch=1, seq=2)  # odd sides too
    run.stop("sink.0", child)
    assert [shown.shape for shown in watched(file)[0]] == [(240, 320, 3)] * 2
    assert [shown.shape for shown in watched(file.with_name("walk.2.mp4"))[0]] == [(122, 162, 3)]


def test_a_kill_loses_seconds_not_the_file_and_the_next_life_begins_a_further_part(
    run: ConsumerRun, file: Path, picture: Picture
) -> None:
    child = run.start("sink.0")
    feed(run, picture, 100)  # 4 s
    child.kill()
    child.wait()
    assert len(watched(file)[0]) >= 50
    child = run.start("sink.0")
    feed(run, picture, 3, first=100)
    run.stop("sink.0", child)
    assert len(watched(file)[0]) >= 50
    assert len(watched(file.with_name("walk.2.mp4"))[0]) == 3


def test_a_full_disk_ends_the_run_with_one_line(run: ConsumerRun, file: Path, picture: Picture) -> None:
    file.symlink_to("/dev/full")
    child = run.start("sink.0")
    run.sample("sink.0", picture)
    run.send("sink.0", EndOfStream())
    assert run.next(Failed) == Failed(
        process="sink.0", reason=f"{file}: cannot be written: No space left on device", exit_code=3
    )
    assert "Traceback" not in run.ended(child, code=3)
