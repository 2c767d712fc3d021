"""--output FILE.jsonl, by the real process."""

import json
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.stream.errors import RunError
from posestream.stream.ipc.messages import EndOfStream, Failed, Message, Ready, Released, encode
from posestream.stream.published import PoseMessage
from posestream.stream.sinks.jsonl import JsonLines
from posestream.stream.sinks.sink import StartedFiles
from tests.stream.consumer_run import ConsumerRun
from tests.stream.publisher import pose

Picture = NDArray[np.uint8]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "poses.jsonl"


@pytest.fixture
def run(run_dir: Path, file: Path) -> Iterator[ConsumerRun]:
    with ConsumerRun(run_dir, sinks=[file], cameras=("cam0", "cam1")) as run:
        yield run


def maps(*messages: PoseMessage) -> list[Any]:
    """Published messages as plain maps, read without this package."""
    return [msgspec.msgpack.decode(encode(message)) for message in messages]


def lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_writes_each_published_map_as_a_line_and_lets_each_frame_go(
    run: ConsumerRun, file: Path, picture: Picture
) -> None:
    child = run.start("sink.0")
    assert run.next(Ready).description == str(file)
    sent = [run.sample("sink.0", picture, camera=f"cam{seq % 2}", seq=seq) for seq in range(50)]
    run.send("sink.0", EndOfStream())
    run.ended(child)
    assert lines(file) == maps(*sent)
    assert [run.next(Released) for _ in sent] == [
        Released(camera=message.camera, epoch=0, seq=message.seq, by="sink.0") for message in sent
    ]


def test_lines_are_on_disk_before_their_frames_are_released(run: ConsumerRun, file: Path, picture: Picture) -> None:
    child = run.start("sink.0")
    for seq in range(5):
        run.sample("sink.0", picture, seq=seq)
        run.next(Released)
        assert [line["seq"] for line in lines(file)] == list(range(seq + 1))
    child.kill()
    child.wait()
    assert len(lines(file)) == 5


def test_goes_on_with_its_file_after_a_crash(run: ConsumerRun, file: Path, picture: Picture) -> None:
    file.write_text("of an earlier run\n")
    for seq in range(3):
        child = run.start("sink.0")
        run.next(Ready)
        run.sample("sink.0", picture, seq=seq)
        run.next(Released)
        child.kill()
        child.wait()
    assert [line["seq"] for line in lines(file)] == [0, 1, 2]


def test_ends_on_stop(run: ConsumerRun, file: Path, picture: Picture) -> None:
    child = run.start("sink.0")
    sent = run.sample("sink.0", picture)
    run.stop("sink.0", child)
    assert lines(file) == maps(sent)


def test_holds_no_frame_of_a_live_camera(run_dir: Path, file: Path, picture: Picture) -> None:
    with ConsumerRun(run_dir, sinks=[file], policy="latest") as run:
        child = run.start("sink.0")
        sent = run.sample("sink.0", picture)
        run.stop("sink.0", child)
        assert lines(file) == maps(sent)
        run.next(Ready)
        assert run.next(Message).__class__ is not Released
        assert not any(isinstance(message, Released) for message in run.received)


def test_a_full_disk_ends_the_run_with_one_line(run_dir: Path, file: Path, picture: Picture) -> None:
    file.symlink_to("/dev/full")
    with ConsumerRun(run_dir, sinks=[file]) as run:
        child = run.start("sink.0")
        run.sample("sink.0", picture)
        failed = run.next(Failed)
        assert failed == Failed(
            process="sink.0", reason=f"{file}: cannot be written: No space left on device", exit_code=3
        )
        run.ended(child, code=3)


def test_a_disk_that_fills_up_leaves_no_half_line(
    run_dir: Path, file: Path, run: ConsumerRun, picture: Picture
) -> None:
    sink = JsonLines(file, StartedFiles(run_dir / "sink.0.started_files"))
    message = pose()
    frame = run.frame(np.zeros((240, 320, 3), np.uint8), message)
    sink.write(frame, encode(message))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 100, hard))
    try:
        with pytest.raises(RunError, match="cannot be written: File too large"):
            sink.write(frame, encode(message))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    sink.close()
    assert lines(file) == maps(message)
