"""People over time in a file."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.stream.errors import ConfigError
from posestream.stream.estimator.tracking import track
from posestream.stream.ipc import shared_memory
from posestream.stream.sources.source import SourceError
from tests.ipc.footage import nobody, people, write_images, write_video

Image = NDArray[np.uint8]
FRAMES = 20


@pytest.fixture(scope="module")
def clip(two_people: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People, then nobody for the last four frames."""
    pictures = itertools.chain(people(FRAMES - 4), nobody(4))
    return write_video(tmp_path_factory.mktemp("clip") / "walk.mp4", pictures)


def test_every_frame_comes_in_order_with_its_picture_and_people(clip: Path) -> None:
    frames = list(track(clip))
    assert [frame.seq for frame in frames] == list(range(FRAMES))
    assert {frame.camera for frame in frames} == {"walk.mp4"}
    assert [round(frame.source_time or 0, 3) for frame in frames[:3]] == [0, 0.033, 0.067]
    assert all(frame.image.shape == (480, 640, 3) for frame in frames)
    for frame, picture in zip(frames, people(FRAMES - 4), strict=False):
        assert np.abs(frame.image.astype(int) - picture).mean() < 3  # colours were halved on the way
    assert len(frames[0].poses) == 2
    assert len(frames[-1].poses) == 0


def test_people_keep_their_ids(clip: Path) -> None:
    ids = [frozenset(frame.poses.ids.tolist()) for frame in track(clip, frames=FRAMES - 4)]
    assert len(set(ids)) == 1
    assert -1 not in ids[0]


def test_pictures_are_the_callers_own(clip: Path) -> None:
    kept = [(frame.image, frame.image.copy()) for frame in track(clip, frames=5)]
    assert all((image == before).all() for image, before in kept)
    assert not (kept[0][0] == kept[4][0]).all()


def test_it_may_be_left_at_any_time_and_leaves_nothing_behind(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_memory, "place", lambda: tmp_path)
    for _ in track(clip):
        assert len(list(tmp_path.iterdir())) == 1
        break
    assert list(tmp_path.iterdir()) == []


def test_each_image_of_a_folder_is_a_scene_of_its_own_of_its_own_size(two_people: Image, tmp_path: Path) -> None:
    folder = write_images(tmp_path / "photos", [two_people, two_people[:300], np.full((90, 60, 3), 99, np.uint8)])
    frames = list(track(folder))
    assert [frame.image.shape for frame in frames] == [(480, 640, 3), (300, 640, 3), (90, 60, 3)]
    assert all((frame.poses.ids == -1).all() for frame in frames)
    assert [len(frame.poses) > 0 for frame in frames] == [True, True, False]


def test_a_damaged_image_uses_up_its_number_and_is_counted(two_people: Image, tmp_path: Path) -> None:
    folder = write_images(tmp_path / "photos", [two_people, two_people, two_people])
    (folder / "1.png").write_bytes(b"no image")
    frames = list(track(folder))
    assert [frame.seq for frame in frames] == [0, 2]
    assert [frame.drops for frame in frames] == [{}, {"undecodable": 1}]


def test_a_file_that_is_not_there_is_said_at_once() -> None:
    with pytest.raises(SourceError, match=r"nowhere\.mp4: there is no such file"):
        track("nowhere.mp4")


def test_a_file_that_is_no_video_is_said(tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").write_bytes(b"no video at all")
    with pytest.raises(SourceError, match=r"walk\.mp4"):
        next(track(tmp_path / "walk.mp4"))


@pytest.mark.parametrize("camera", ["0", "rtsp://192.0.2.7/stream", "demo"])
def test_cameras_are_for_run(camera: str) -> None:
    with pytest.raises(ConfigError, match="track reads files; for cameras there is run"):
        track(camera)
