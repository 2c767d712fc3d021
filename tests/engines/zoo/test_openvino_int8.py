"""int8 networks for OpenVINO: made from images, kept apart from others, and nearly as accurate."""

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.backends.load import load
from posestream.engines.backends.protocol import Backend
from posestream.engines.batches import Batch
from posestream.engines.exceptions import WeightsError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo import resolve
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.precision import openvino_int8
from posestream.engines.zoo.precision.openvino_int8 import NotQuantisedError
from posestream.engines.zoo.store import cache

NAME = "movenet-lightning"


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return find(NAME)


@pytest.fixture(scope="module")
def onnx(spec: ModelSpec) -> Path:
    try:
        return resolve.onnx_path(spec)
    except WeightsError as error:
        pytest.skip(f"weights cannot be had here: {error}")


@pytest.fixture(scope="module")
def images(spec: ModelSpec) -> list[NDArray[np.float32]]:
    """Blurred noise: not people, but numbers of the range that pictures have."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (12, 1, 12, 12, 3)).astype(spec.input.tensor.dtype)
    return [block.repeat(16, axis=1).repeat(16, axis=2) for block in blocks]


@pytest.fixture(scope="module")
def int8(
    spec: ModelSpec, onnx: Path, images: list[NDArray[np.float32]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    pytest.importorskip("nncf", reason="nncf is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSESTREAM_CACHE", str(tmp_path_factory.mktemp("cache")))
        # In a process of its own, as in life: nncf loads distutils, after which pip cannot be looked for in silence.
        with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
            return elsewhere.submit(openvino_int8.quantise, spec, onnx, images).result()


def out(backend: Backend, image: NDArray[np.float32]) -> NDArray[np.float32]:
    outputs = [np.empty(shape, np.float32) for shape in backend.output_shapes(image.shape)]
    backend.run([Batch(image, outputs)])
    return outputs[0]


def test_an_int8_network_gives_nearly_what_its_original_gives(
    spec: ModelSpec, onnx: Path, int8: Path, images: list[NDArray[np.float32]]
) -> None:
    exact, small = load(spec, onnx, "openvino"), load(spec, int8, "openvino")
    assert "int8" in small.device
    away = np.concatenate([np.abs(out(small, image) - out(exact, image))[..., 2].ravel() for image in images])
    assert np.median(away) < 0.05  # of scores, 0 to 1: places are anywhere in noise


def test_it_is_smaller_by_more_than_half(onnx: Path, int8: Path) -> None:
    assert int8.with_suffix(".bin").stat().st_size < onnx.stat().st_size / 2


def test_it_is_found_for_the_weights_that_it_was_made_of_and_no_others(
    spec: ModelSpec, onnx: Path, int8: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSESTREAM_CACHE", str(int8.parents[1]))
    assert openvino_int8.path_of(spec, onnx) == int8
    other = tmp_path / "other.onnx"
    other.write_bytes(onnx.read_bytes() + b" ")
    with pytest.raises(NotQuantisedError, match=f"run `posestream models quantise {NAME} --images DIR`"):
        openvino_int8.path_of(spec, other)


def test_its_sidecar_has_its_recipe(onnx: Path, int8: Path) -> None:
    about = json.loads(int8.with_suffix(".json").read_text())
    assert (about["recipe"]["onnx_sha256"], about["inputs"]) == (cache.sha256_of(onnx), 12)


def test_one_that_was_cut_off_while_it_was_written_is_not_there(
    spec: ModelSpec, onnx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSESTREAM_CACHE", str(tmp_path))
    (tmp_path / "int8").mkdir()
    (tmp_path / "int8" / f"{NAME}.xml").write_text("<net")
    with pytest.raises(NotQuantisedError, match="has no int8 version on this machine"):
        openvino_int8.path_of(spec, onnx)


def test_too_few_images_are_refused(spec: ModelSpec, onnx: Path, images: list[NDArray[np.float32]]) -> None:
    with pytest.raises(
        WeightsError, match="movenet-lightning saw 3 inputs in these images, and needs 10: give more images"
    ):
        openvino_int8.quantise(spec, onnx, images[:3])
