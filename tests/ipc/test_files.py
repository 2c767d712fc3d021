"""Files and folders through a whole run: every frame once, in order, to its end, and exit code 0."""

import itertools
import json
from pathlib import Path
from typing import Any

import av
import cv2
import pytest

from tests.clips import Part, write_clip
from tests.ipc.conftest import StartRun
from tests.ipc.footage import nobody, people, write_images, write_video
from tests.ipc.product import Watching
from tests.rtsp.running import RtspServer


@pytest.fixture(scope="module")
def clip(weights: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty frames of people."""
    return write_video(tmp_path_factory.mktemp("clip") / "walk.mp4", people(40))


def maps(file: Path) -> list[dict[str, Any]]:
    """The published maps that a run wrote."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_video_ends_by_itself_with_every_frame_published_once_in_order(
    posestream: StartRun, clip: Path, tmp_path: Path
) -> None:
    ended = posestream(clip, "--output", "poses.jsonl", "--output", "drawn.mp4").finish()
    assert (ended.code, ended.balance()) == (0, (40, 40, 0))
    assert [each["seq"] for each in maps(tmp_path / "poses.jsonl")] == list(range(40))
    with av.open(str(tmp_path / "drawn.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 40


def test_frames_of_a_file_carry_its_own_times(posestream: StartRun, clip: Path, tmp_path: Path) -> None:
    posestream(clip, "--frames", "10", "--output", "poses.jsonl").finish()
    times = [each["source_ns"] for each in maps(tmp_path / "poses.jsonl")]
    assert [round(time * 30 / 1e9) for time in times] == list(range(10))


def test_a_number_of_frames_ends_each_source_there(posestream: StartRun, clip: Path, tmp_path: Path) -> None:
    ended = posestream(f"door={clip}", f"hall={clip}", "--frames", "15", "--output", "poses.jsonl").finish()
    assert (ended.code, ended.balance("door"), ended.balance("hall")) == (0, (15, 15, 0), (15, 15, 0))
    by_camera = {
        name: [each for each in maps(tmp_path / "poses.jsonl") if each["camera"] == name] for name in ("door", "hall")
    }
    assert [each["seq"] for each in by_camera["door"]] == list(range(15))
    assert [each["people"] for each in by_camera["door"]] == [each["people"] for each in by_camera["hall"]]
    assert any(each["people"] for each in by_camera["door"])


def test_a_live_source_ends_after_a_number_of_published_frames(posestream: StartRun) -> None:
    ended = posestream("demo", "--frames", "12").finish()
    captured, published, dropped = ended.balance()
    assert (ended.code, published, captured) == (0, 12, 12 + dropped)


def test_several_workers_give_the_poses_of_one(posestream: StartRun, clip: Path, tmp_path: Path) -> None:
    workers = "[preprocess]\nworkers = 2\n[postprocess]\nworkers = 2"
    posestream(f"a={clip}", f"b={clip}", "--output", "two.jsonl", settings=workers).finish()
    posestream(clip, "--output", "one.jsonl").finish()
    expected = [each["people"] for each in maps(tmp_path / "one.jsonl")]
    for name in ("a", "b"):
        assert [each["people"] for each in maps(tmp_path / "two.jsonl") if each["camera"] == name] == expected


def test_each_image_of_a_folder_is_a_scene_of_its_own(posestream: StartRun, weights: None, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", itertools.chain(people(2), nobody(1), people(2)))
    ended = posestream(images, "--output", "poses.jsonl").finish()
    published = maps(tmp_path / "poses.jsonl")
    assert (ended.code, ended.balance()) == (0, (5, 5, 0))
    assert [bool(each["people"]) for each in published] == [True, True, False, True, True]
    assert {person["id"] for each in published for person in each["people"]} == {None}
    assert published[0]["people"] == published[3]["people"]  # nothing was carried over


def test_one_image_is_a_source_too(posestream: StartRun, weights: None, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", people(1))
    ended = posestream(images / "0.png", "--output", "poses.jsonl").finish()
    assert (ended.code, ended.balance()) == (0, (1, 1, 0))
    assert maps(tmp_path / "poses.jsonl")[0]["people"]


def test_images_of_several_sizes_are_epochs_of_their_own(posestream: StartRun, weights: None, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", people(6))
    for number, (width, height) in {2: (320, 240), 3: (320, 240), 4: (1281, 721)}.items():
        picture = cv2.imread(str(images / f"{number}.png"))
        assert picture is not None
        cv2.imwrite(str(images / f"{number}.png"), cv2.resize(picture, (width, height)))
    ended = posestream(images, "--output", "poses.jsonl").finish()
    published = maps(tmp_path / "poses.jsonl")
    assert (ended.code, ended.balance()) == (0, (6, 6, 0))
    assert [each["epoch"] for each in published] == [0, 0, 1, 1, 2, 3]
    assert [each["width"] for each in published] == [640, 640, 320, 320, 1281, 640]
    assert all(each["people"] for each in published)
    assert max(x for person in published[4]["people"] for x, _, _ in person["keypoints"]) > 640


def test_a_damaged_image_is_a_counted_drop(posestream: StartRun, weights: None, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", people(3))
    (images / "1.png").write_bytes(b"no image")
    run = posestream(images, "--output", "poses.jsonl")
    ended = run.finish()
    assert (ended.code, ended.balance()) == (0, (3, 2, 1))
    assert "1 undecodable" in run.output
    assert [each["seq"] for each in maps(tmp_path / "poses.jsonl")] == [0, 2]


def test_a_camera_that_changes_its_size_continues_in_a_new_epoch(posestream: StartRun, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "stream.ts", [Part(60), Part(120, 640, 480)])
    with RtspServer(clip, needs_gstreamer=True) as server:
        run = posestream(server.url)
        with Watching(run.endpoint) as watching:
            first = watching.pose()
            later = watching.pose()
            while later.width == first.width:
                later = watching.pose()
    assert (first.epoch, first.width, first.height) == (0, 320, 240)
    assert (later.epoch, later.width, later.height) == (1, 640, 480)
    assert later.seq > first.seq


def test_a_file_played_in_real_time_loses_nothing_either(posestream: StartRun, clip: Path) -> None:
    ended = posestream(clip, "--realtime").finish()
    assert ended.code == 0
    assert ended.balance() == (40, 40, 0)
