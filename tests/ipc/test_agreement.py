"""The processes and the journey, which is the same steps in one process, give the same poses (rule 3 of the house)."""

import itertools
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import pytest

from posestream.engines.backends.load import load
from posestream.engines.backends.protocol import Backend
from posestream.engines.exceptions import WeightsError
from posestream.engines.zoo.make.from_package import onnx_path
from posestream.stream import config
from posestream.stream.config import Config
from posestream.stream.estimator.journey import journey
from posestream.stream.published import PoseMessage
from posestream.stream.run.planning import plan_for
from posestream.stream.run.topology import CameraSpec
from posestream.stream.sources.ffmpeg.video_file import FileSource
from tests.ipc.conftest import StartRun
from tests.ipc.footage import nobody, people, write_video

TOLERANCE_PX = 0.01  # both are fp32, by the same kernels; a runtime may share an image out among threads otherwise
TOLERANCE_SCORE = 1e-4
CAMERA = CameraSpec(name="cam0", source="clip.mp4", policy="every", independent_images=False)
GAP = range(45, 65)  # frames with nobody
FRAMES = 120


@pytest.fixture(scope="module")
def clip(weights: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds: people, a gap without people, people."""
    pictures = itertools.chain(people(GAP.start), nobody(len(GAP)), people(FRAMES - GAP.stop, GAP.stop))
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", pictures)


def backends(settings: Config) -> Mapping[str, Backend]:
    """The networks of the plan, in this process."""
    try:
        return {network.name: load(network, onnx_path(network)) for network in plan_for(settings).networks}
    except WeightsError as error:
        pytest.skip(f"weights cannot be had here: {error}")


def told(clip: Path, settings: Config, folder: Path) -> list[PoseMessage]:
    """The journey's messages."""
    source = FileSource(str(clip), realtime=False)
    source.open()
    try:
        return [each.message for each in journey(source, CAMERA, settings, backends(settings), folder)]
    finally:
        source.close()


def written(file: Path) -> list[PoseMessage]:
    """The published messages of a run, one a line."""
    return [msgspec.json.decode(line, type=PoseMessage) for line in file.read_bytes().splitlines()]


def assert_same(processes: list[PoseMessage], in_one: list[PoseMessage]) -> None:
    assert [message.seq for message in processes] == [message.seq for message in in_one] == list(range(FRAMES))
    for ours, theirs in zip(processes, in_one, strict=True):
        assert [person.id for person in ours.people] == [person.id for person in theirs.people]
        assert ours.source_ns == theirs.source_ns
        for person, other in zip(ours.people, theirs.people, strict=True):
            difference = np.abs(np.subtract(person.keypoints, other.keypoints))
            assert difference[:, :2].max() <= TOLERANCE_PX
            assert difference[:, 2].max() <= TOLERANCE_SCORE
            assert abs(person.score - other.score) <= TOLERANCE_SCORE
            assert np.abs(np.subtract(person.box_xyxy, other.box_xyxy)).max() <= TOLERANCE_PX


def test_top_down_with_cadence_and_a_gap(posestream: StartRun, clip: Path, tmp_path: Path, shm: Path) -> None:
    run = posestream(clip, "--detect-every", 7, "--output", "poses.jsonl")
    settings = config.load(None, {"run.detect_every": 7})
    assert plan_for(settings).feeds_back
    in_one = told(clip, settings, shm)
    assert run.finish().code == 0
    assert sum(len(message.people) for message in in_one) > FRAMES
    assert not any(in_one[seq].people for seq in GAP)
    assert in_one[FRAMES - 1].people
    assert_same(written(tmp_path / "poses.jsonl"), in_one)


def test_one_stage_with_several_frames_in_flight(posestream: StartRun, clip: Path, tmp_path: Path, shm: Path) -> None:
    run = posestream(clip, "--model", "movenet-multipose", "--output", "poses.jsonl")
    settings = config.load(None, {"run.model": "movenet-multipose"})
    assert not plan_for(settings).feeds_back
    in_one = told(clip, settings, shm)
    assert run.finish().code == 0
    assert sum(len(message.people) for message in in_one) > FRAMES // 2
    assert_same(written(tmp_path / "poses.jsonl"), in_one)
