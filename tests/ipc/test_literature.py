"""The literature's networks in a whole run: with random weights, and with a checkpoint of the user's."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from posestream.engines.architectures import create
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo import literature
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.make.from_package import onnx_path
from posestream.engines.zoo.store import cache
from posestream.stream import config
from posestream.stream.drawing.palette import RANDOM_WEIGHTS_NOTICE
from posestream.stream.published import PoseMessage
from tests.ipc.conftest import StartRun
from tests.ipc.product import PATIENCE_S, Watching

SHOW_ALL = """
[postprocess]
score_min = 0.0
[regions]
keep_score = 0.0
[track]
start_score = 0.0
"""
SLOW_S = 600  # for the largest networks, to be made and to pose
PATIENT = "[run]\nin_flight_timeout_ms = 60000\n"  # a network of 500 layers on a busy machine


@pytest.fixture(scope="module")
def own_cache(weights: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache with the detector and the demo's photographs of the user's: the user's own networks stay as they are."""
    folder = tmp_path_factory.mktemp("cache")
    detector = onnx_path(find(config.defaults().run.detector))
    (folder / "onnx").mkdir()
    for file in (detector, detector.with_suffix(".json")):
        shutil.copy(file, folder / "onnx")
    (folder / "sources").symlink_to(cache.directory() / "sources")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "POSESTREAM_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RTMPose-t, saved by `torch.save`."""
    path = tmp_path_factory.mktemp("checkpoint") / "rtmpose-t.pth"
    torch.save(create("rtmpose", "t").state_dict(), path)
    return path


def first_frames(posestream: StartRun, *arguments: object, settings: str = "", frames: int = 2) -> list[PoseMessage]:
    """Runs the demo, and returns the messages about its first frames."""
    run = posestream("demo", *arguments, settings=settings)
    with Watching(run.endpoint) as watching:
        messages = [watching.pose() for _ in range(frames)]
    assert run.interrupt().code == 0
    return messages


@pytest.mark.parametrize("model", ["rtmpose-t", "openpose"])
def test_a_model_with_random_weights_runs_with_a_notice(own_cache: Path, posestream: StartRun, model: str) -> None:
    run = posestream("demo", "--model", model, "--random-weights")
    with Watching(run.endpoint) as watching:
        messages = [watching.pose() for _ in range(3)]
    ended = run.interrupt()
    assert ended.code == 0
    assert ended.lines[0] == f"{model} has {RANDOM_WEIGHTS_NOTICE}"
    for person in (person for message in messages for person in message.people):
        assert (person.skeleton, len(person.keypoints)) == ("coco17", 17)
    if model == "rtmpose-t":  # whose people the detector finds, whatever they look like to it
        assert any(message.people for message in messages)


def test_a_checkpoint_is_given_once_and_remembered(own_cache: Path, posestream: StartRun, checkpoint: Path) -> None:
    given = first_frames(posestream, "--model", "rtmpose-t", "--weights", checkpoint, settings=SHOW_ALL)
    again = first_frames(posestream, "--model", "rtmpose-t", settings=SHOW_ALL)
    for messages in (given, again):
        assert {person.skeleton for message in messages for person in message.people} == {"coco17"}
    refused = posestream("demo", "--model", "rtmpose-s", "--weights", checkpoint).finish()
    assert refused.code == 4
    assert refused.error.startswith(f"{checkpoint} for rtmpose-s: this checkpoint")
    assert refused.error.endswith("they are of rtmpose-t")
    assert not (own_cache / "onnx" / "rtmpose-s.onnx").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("--model", "hrnet"), 4, "hrnet-w32: no weights were given: trained ones come from the authors and mmpose"),
        (("--model", "hrnet", "--weights", "none.pth"), 4, "none.pth: no such file"),
        (("--model", "movenet-thunder", "--random-weights"), 2, "movenet-thunder has trained weights"),
        (("--model", "hrnet", "--weights", "a", "--random-weights"), 2, "the one or the other"),
        (("--model", "hrnett"), 2, "did you mean 'hrnet'?"),
    ],
)
def test_weights_that_cannot_be_used_are_one_line(
    own_cache: Path, posestream: StartRun, arguments: tuple[str, ...], code: int, complaint: str
) -> None:
    ended = posestream("demo", *arguments).finish()
    assert ended.code == code
    assert complaint in ended.error


@pytest.mark.slow
@pytest.mark.timeout(SLOW_S + PATIENCE_S)
@pytest.mark.parametrize("spec", literature.SPECS, ids=lambda spec: spec.name)
def test_every_model_of_the_literature_runs_live(own_cache: Path, posestream: StartRun, spec: ModelSpec) -> None:
    run = posestream("demo", "--model", spec.name, "--random-weights", "--frames", 1, settings=PATIENT)
    run.popen.wait(SLOW_S)
    ended = run.finish()
    assert ended.code == 0
    _, published, _ = ended.balance()
    assert published >= 1
