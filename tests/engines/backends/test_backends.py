"""Every runtime that needs no GPU behind one Protocol, on the real networks."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray

from posestream.engines.backends.load import DeviceName, load
from posestream.engines.backends.onnxruntime import OnnxBackend
from posestream.engines.backends.openvino import OpenVinoBackend
from posestream.engines.backends.protocol import Backend, output_shapes
from posestream.engines.batches import Batch
from posestream.engines.exceptions import BackendError, FetchError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import FETCHED, find
from posestream.engines.zoo.make.from_package import onnx_path

BACKENDS = pytest.mark.parametrize("device", ["openvino", "onnx", "torch"])


def imported(spec: ModelSpec) -> Path:
    try:
        return onnx_path(spec)
    except FetchError as error:
        pytest.skip(str(error))


def images_for(spec: ModelSpec, count: int, seed: int = 0) -> NDArray[np.generic]:
    """Smooth pictures rather than noise, so that no arg-max of a net hangs on the last bit."""
    height, width = spec.input.size_hw or (128, 192)
    y, x = np.mgrid[:height, :width]
    phases = np.random.default_rng(seed).uniform(0, 6, (count, 3, 1, 1))
    pictures = np.sin(x / 30 + phases) * 60 + np.cos(y / 25 - phases) * 60 + 128
    if spec.input.layout == "nhwc":
        pictures = np.moveaxis(pictures, 1, -1)
    return np.ascontiguousarray(pictures.astype(spec.input.tensor.dtype))


def outputs_of(backend: Backend, images: NDArray[np.generic]) -> list[NDArray[np.float32]]:
    outputs = [np.full(shape, np.nan, np.float32) for shape in backend.output_shapes(images.shape)]
    backend.run([Batch(images, outputs)])
    return outputs


@pytest.mark.parametrize("device", ["openvino", "torch"])
@pytest.mark.parametrize("name", [spec.name for spec in FETCHED])
def test_the_runtimes_agree(name: str, device: DeviceName) -> None:
    spec = find(name)
    path = imported(spec)
    images = images_for(spec, 3 if spec.batched else 1)
    for a, b in zip(
        outputs_of(load(spec, path, device), images), outputs_of(load(spec, path, "onnx"), images), strict=True
    ):
        assert np.isfinite(a).all()
        assert np.abs(a - b).max() <= 1e-4 * max(1.0, float(np.abs(b).max()))


@BACKENDS
def test_several_batches_give_what_each_image_gives_alone(device: DeviceName) -> None:
    spec = find("movenet-lightning")
    backend = load(spec, imported(spec), device, threads=2)
    images = images_for(spec, 5)
    alone = np.concatenate([outputs_of(backend, images[i : i + 1])[0] for i in range(5)])
    together = np.zeros_like(alone)
    backend.run([Batch(images[:2], [together[:2]]), Batch(images[2:], [together[2:]])])
    assert np.abs(together - alone).max() <= 1e-5


@BACKENDS
def test_a_net_of_free_size_runs_on_one_size_after_another(device: DeviceName) -> None:
    spec = find("openpose-mobilenet-thin")
    backend = load(spec, imported(spec), device)
    for height, width in ((96, 128), (128, 96), (96, 128)):
        (maps,) = outputs_of(backend, np.zeros((1, height, width, 3), np.float32))
        assert maps.shape == (1, height // 8, width // 8, 57) and np.isfinite(maps).all()


@BACKENDS
def test_images_may_be_read_only_memory(device: DeviceName) -> None:
    spec = find("fastestdet")
    images = images_for(spec, 2)
    images.flags.writeable = False
    outputs = outputs_of(load(spec, imported(spec), device), images)
    assert np.isfinite(outputs[0]).all()


@BACKENDS
def test_no_batches_are_no_work(device: DeviceName) -> None:
    spec = find("fastestdet")
    backend = load(spec, imported(spec), device)
    backend.run([])
    backend.run([Batch(np.zeros((0, 3, 352, 352), np.float32), [np.zeros((0, 85, 22, 22), np.float32)])])


@BACKENDS
def test_a_broken_file_is_one_clear_line(device: DeviceName, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a network")
    with pytest.raises(BackendError, match=r"broken\.onnx") as caught:
        load(find("fastestdet"), path, device)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@BACKENDS
def test_another_network_is_refused(device: DeviceName) -> None:
    path = imported(find("fastestdet"))
    with pytest.raises(BackendError, match="not nanodet"):
        load(find("nanodet"), path, device)


def test_auto_prefers_openvino(tmp_path: Path) -> None:
    spec = find("fastestdet")
    cache_dir = tmp_path / "compiled"
    assert load(spec, imported(spec), cache_dir=cache_dir).device.startswith("OpenVINO")
    assert any(cache_dir.iterdir())  # the next start finds the network compiled


def test_output_shapes_are_known_without_a_runtime() -> None:
    assert output_shapes(find("openpose-mobilenet-thin"), (2, 368, 432, 3)) == ((2, 46, 54, 57),)
    assert output_shapes(find("movenet-thunder"), (4, 256, 256, 3)) == ((4, 1, 17, 3),)


def test_the_backends_name_their_runtime() -> None:
    spec = find("fastestdet")
    path = imported(spec)
    assert OpenVinoBackend(spec, path).device.startswith("OpenVINO 2")
    assert OnnxBackend(spec, path).device.startswith("ONNX Runtime 1")


def test_networks_of_any_size_leave_nothing_compiled_behind(tmp_path: Path) -> None:
    spec = find("openpose-mobilenet-thin")
    backend = load(spec, imported(spec), "openvino", cache_dir=tmp_path)
    outputs_of(backend, images_for(spec, 1))
    assert not any(tmp_path.iterdir())


def test_openvino_compiles_a_network_once_for_each_size_of_image(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    compile_model = ov.Core.compile_model

    def noted(core: ov.Core, model: ov.Model, *options: Any) -> Any:
        compiled.append(tuple(model.input(0).shape))
        return compile_model(core, model, *options)

    monkeypatch.setattr(ov.Core, "compile_model", noted)
    spec = find("openpose-mobilenet-thin")
    backend = load(spec, imported(spec), "openvino", threads=1)
    for height, width in ((96, 128), (96, 128), (128, 96), (96, 128), (128, 96)):
        outputs_of(backend, np.zeros((1, height, width, 3), np.float32))
    assert compiled == [(1, 96, 128, 3), (1, 128, 96, 3)]


def test_openvino_compiles_a_network_of_a_fixed_size_before_its_first_image(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = find("movenet-lightning")
    backend = load(spec, imported(spec), "openvino", threads=2)
    monkeypatch.setattr(ov.Core, "compile_model", None)
    for count in (1, 3, 1):
        outputs_of(backend, images_for(spec, count))
