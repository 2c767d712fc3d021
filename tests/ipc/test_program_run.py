"""A run that lives as long as a block of a program, and the frames that the program reads of it."""

import itertools
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import posestream as ps
from posestream.stream.run import run_folder
from tests.ipc.conftest import REPOSITORY
from tests.ipc.footage import nobody, people, write_images, write_video

FRAMES = 40


@pytest.fixture(scope="module")
def clip(weights: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = itertools.chain(people(FRAMES - 10), nobody(10))
    return write_video(tmp_path_factory.mktemp("clip") / "walk.mp4", pictures)


@pytest.fixture(autouse=True)
def nothing_left_behind(weights: None) -> Iterator[None]:
    """No process and no folder in shared memory outlives the block."""
    children, folders = set(psutil.Process().children()), set(run_folder.dead())
    yield
    assert set(psutil.Process().children()) <= children
    assert set(run_folder.dead()) <= folders


def test_every_frame_of_a_file_comes_in_order_with_its_picture(clip: Path) -> None:
    seqs, pictures = [], people(FRAMES - 10)
    with ps.run(clip) as run:
        assert run.cameras == ("cam0",)
        for frame in run:
            image = run.image(frame)
            assert image is not None
            seqs.append(frame.seq)
            if (expected := next(pictures, None)) is not None:
                assert np.abs(image.astype(int) - expected).mean() < 3
                assert len(frame.poses) == 2
    assert seqs == list(range(FRAMES))


def test_a_slow_program_makes_a_file_wait_and_loses_nothing(clip: Path) -> None:
    """More frames than there are slots pass through, and each is still there when the program looks at last."""
    with ps.run(clip) as run:
        first = next(run)
        others = ps.subscribe(run.endpoint, timeout=20)
        with others:
            subscribed = [next(run) for _ in range(3)]
            assert [frame.seq for frame in (first, *subscribed)] == [0, 1, 2, 3]
            assert run.image(subscribed[-1]) is not None
        assert [frame.seq for frame in run] == list(range(4, FRAMES))


def test_it_gives_what_track_gives(clip: Path) -> None:
    with ps.run(clip, detect_every=7) as run:
        by_processes = {frame.seq: frame.poses for frame in run}
    for frame in ps.track(clip, detect_every=7):
        poses = by_processes[frame.seq]
        assert poses.ids.tolist() == frame.poses.ids.tolist()
        assert np.allclose(poses.xy, frame.poses.xy, atol=0.01)


def test_cameras_give_their_newest_frames_and_files_all_of_theirs(clip: Path, tmp_path: Path) -> None:
    photos = write_images(tmp_path / "photos", people(3))
    with ps.run({"door": "demo", "album": photos}, frames=30) as run:
        assert run.cameras == ("door", "album")
        seen: dict[str, list[int]] = {"door": [], "album": []}
        images = []
        for frame in run:
            seen[frame.camera].append(frame.seq)
            if frame.camera == "door":
                images.append(run.image(frame))
        assert run.states["album"] == "ended"
    assert seen["album"] == [0, 1, 2]
    assert seen["door"] == sorted(set(seen["door"]))
    assert any(image is not None and image.shape == (480, 640, 3) for image in images)


def test_the_block_ends_a_camera_that_would_go_on_for_ever() -> None:
    with ps.run("demo") as run:
        assert next(run).camera == "cam0"
        children = psutil.Process().children()
        assert children
    assert not any(child.is_running() for child in children)


def test_an_exception_of_the_program_ends_the_run_and_passes_through() -> None:
    with pytest.raises(ZeroDivisionError), ps.run("demo") as run:
        next(run)
        _ = 1 / 0


def test_a_source_that_is_none_is_said_before_anything_starts() -> None:
    with pytest.raises(ps.ConfigError, match=r"nowhere\.mp4: there is no such file"):
        ps.run("nowhere.mp4")


@pytest.mark.parametrize(
    ("sources", "complaint"),
    [
        ({"Front Door": "demo"}, "Front Door=demo: a camera's name is made of a-z"),
        ([], "name a source"),
        ({}, "name a"),
    ],
    ids=["name", "empty list", "empty mapping"],
)
def test_what_are_no_cameras_is_said(sources: Any, complaint: str) -> None:
    with pytest.raises(ps.ConfigError, match=complaint):
        ps.run(sources)


def test_a_run_that_cannot_start_is_an_exception_on_entering(closed_port: int) -> None:
    taken = f"tcp://127.0.0.1:{closed_port}"  # the fixture holds it
    with pytest.raises(ps.RunError, match=f"cannot publish on {taken}"), ps.run("demo", publish=taken):
        pytest.fail("it started")


def test_a_run_that_fails_is_an_exception_where_frames_are_awaited(tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").write_bytes(b"no video at all")
    with pytest.raises(ps.RunError, match=r"cam0: .*walk\.mp4"), ps.run(tmp_path / "walk.mp4") as run:
        for _ in run:
            pytest.fail("there was a frame")


def test_a_failure_that_the_program_did_not_wait_for_is_an_exception_at_the_end_of_the_block(tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").write_bytes(b"no video at all")
    with pytest.raises(ps.RunError, match=r"walk\.mp4"), ps.run(tmp_path / "walk.mp4") as run:
        while not run._supervision.over:
            run._poller.poll(10)


def test_outputs_are_written_as_well(clip: Path, tmp_path: Path) -> None:
    with ps.run(clip, output=[tmp_path / "poses.jsonl"], frames=10) as run:
        assert len(list(run)) == 10
    assert len((tmp_path / "poses.jsonl").read_text().splitlines()) == 10
    with pytest.raises(ps.ConfigError, match="an output ends in"):
        ps.run(clip, output=[tmp_path / "poses.txt"])


def test_others_can_subscribe_to_it() -> None:
    with ps.run("demo") as run, ps.subscribe(run.endpoint, timeout=20) as frames:
        assert next(frames).camera == "cam0"


PROGRAM = """
import posestream as ps
with ps.run("demo") as run:
    print(next(run).camera, flush=True)
    for frame in run:
        pass
"""


def test_ctrl_c_ends_the_program_and_its_run(weights: None) -> None:
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "cam0\n"
        children = psutil.Process(program.pid).children()
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=60)
    assert program.returncode in (-signal.SIGINT, 130)
    assert errors.strip().endswith("KeyboardInterrupt")
    psutil.wait_procs(children, timeout=20)
    assert not any(child.is_running() for child in children)
