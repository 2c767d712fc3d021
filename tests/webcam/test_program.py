"""The whole program on a webcam with the real UVC driver, in a guest: from the camera's JPEGs to poses in a file."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.download.photographs import photographs
from posestream.engines.zoo.make.from_package import onnx_path
from posestream.engines.zoo.store import cache
from tests.webcam.guest import run_in_guest
from tests.webcam.inside import USB
from tests.webcam.kernel import CannotPrepare
from tests.webcam.pictures import make_pictures
from tests.webcam.uvc_descriptors import HEIGHT, WIDTH

REPOSITORY = Path(__file__).parents[2]
LEFT_PX, TOP_PX = 64, 32  # of the photograph in the picture; the bar code is above it
NOSE_PX = (288, 152)  # the tip of her nose in the picture, by eye
FRAMES = 3
# Emulation takes seconds for what takes milliseconds: no process is dead, no frame is lost.
SETTINGS = """
run.in_flight_timeout_ms = 60000
supervisor.beat_timeout_s = 100.0
supervisor.ready_timeout_s = 200.0
"""


def astronaut_before_the_camera() -> np.ndarray:
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    photograph = cv2.imread(str(photographs()[0]), cv2.IMREAD_COLOR)
    assert photograph is not None
    side = photograph.shape[1]
    picture[TOP_PX:, LEFT_PX : LEFT_PX + side] = photograph[: HEIGHT - TOP_PX]
    return picture


@pytest.mark.timeout(600)
def test_a_person_before_a_webcam_is_found_and_published(tmp_path: Path) -> None:
    for network in ("movenet-lightning", "nanodet"):
        onnx_path(find(network))
    make_pictures(tmp_path, astronaut_before_the_camera())
    (tmp_path / "guest.toml").write_text(SETTINGS)
    output = tmp_path / "poses.jsonl"
    program = [sys.executable, "-m", "posestream.stream.cli.main", "run", USB, "--frames", str(FRAMES), "--page", "off"]
    program += ["--model", "movenet-lightning", "--detector", "nanodet", "--detect-every", "1000"]
    program += ["--device", "onnx"]  # a third less work than OpenVINO, where the CPU is emulated
    program += ["--config", str(tmp_path / "guest.toml"), "--output", str(output)]
    inside = [sys.executable, "-m", "tests.webcam.inside", str(tmp_path), "program"]
    environment = {"POSESTREAM_CACHE": str(cache.directory())}
    try:
        outcome = run_in_guest(
            inside + program, folder=tmp_path, cwd=REPOSITORY, environment=environment, timeout_s=400
        )
    except CannotPrepare as reason:
        pytest.skip(str(reason))
    assert outcome.exit_code == 0, outcome.stderr
    published = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(published) >= FRAMES
    for message in published:
        assert (message["width"], message["height"]) == (WIDTH, HEIGHT)
        (person,) = message["people"]
        nose_px = person["keypoints"][0][:2]
        assert np.hypot(*np.subtract(nose_px, NOSE_PX)) < 40
