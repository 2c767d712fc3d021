"""int8 through the program: asked for before it is there, made, and run."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from posestream.engines.exceptions import WeightsError
from posestream.engines.zoo import resolve
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.store import cache

NETWORKS = ("movenet-lightning", "nanodet")


def posestream(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "posestream.stream.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve pictures of noise, and a cache of its own that has the networks in fp32."""
    pytest.importorskip("nncf", reason="nncf is not installed")
    try:
        files = [resolve.onnx_path(find(name)) for name in NETWORKS]
    except WeightsError as error:
        pytest.skip(f"weights cannot be had here: {error}")
    onnx = tmp_path / "cache" / "onnx"
    onnx.mkdir(parents=True)
    for file in files:
        (onnx / file.name).symlink_to(file)
        (onnx / file.with_suffix(".json").name).symlink_to(file.with_suffix(".json"))
    monkeypatch.setenv("POSESTREAM_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in range(12):
        picture = np.random.default_rng(seed).integers(0, 255, (30, 40, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / f"{seed:02}.png"), cv2.resize(picture, (320, 240)))
    return folder


def test_a_run_in_int8_needs_detector_and_pose_model_quantised(images: Path, tmp_path: Path) -> None:
    run = ("run", images, "--precision", "int8", "--page", "off", "--publish", "tcp://127.0.0.1:*")
    refused = posestream(*run)
    assert refused.returncode != 0
    assert "posestream models quantise movenet-lightning --images DIR" in refused.stderr

    made = posestream("models", "quantise", "nanodet", "--images", images)
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-1].startswith("nanodet: int8, from 12 inputs: ")
    assert json.loads((cache.directory() / "int8" / "nanodet.json").read_text())["inputs"] == 12


def test_int8_is_not_for_onnx_runtime(images: Path) -> None:
    refused = posestream("run", images, "--precision", "int8", "--device", "onnx", "--page", "off")
    assert refused.returncode != 0
    assert "run.precision = 'int8': onnx does not support it; set run.device to" in refused.stderr


def test_images_must_be_given(images: Path) -> None:
    refused = posestream("models", "quantise", "nanodet")
    assert refused.returncode != 0
    assert "give images such as the model will see, with --images DIR" in refused.stderr
