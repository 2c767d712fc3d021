"""The TensorRT backend on a stand-in of driver and TensorRT: the calls, the memory and the graphs are real.

What a GPU computes is not: kernels run on the CPU, networks in ONNX Runtime. `python -m tools.gpu_check` is for that.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from engines.backends.onnx import OnnxBackend
from engines.backends.protocol import Batch, DeviceLostError, FrameBatch
from engines.backends.tensorrt import installed
from engines.backends.tensorrt.backend import TensorRTBackend
from engines.backends.tensorrt.installed import TensorRTError
from engines.build import engine_for
from engines.codecs import codec_for
from engines.cuda.device import Device, LockRefusedError
from engines.cuda.opening import open_device
from engines.geometry import crop_around, whole_frame
from engines.pixels import Preprocessor
from engines.plan import Region
from engines.results import Poses
from engines.spec import ModelSpec
from engines.zoo import cache, trained
from engines.zoo.catalogue import find
from engines.zoo.errors import ZooError
from engines.zoo.imported import onnx_path
from tests.standin.gpu import StandIn

PICTURE = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)


@pytest.fixture
def device(standin: StandIn) -> Iterator[Device]:
    """The stand-in GPU; after the test nothing is left on it."""
    before = held(standin)
    opened = open_device()
    yield opened
    opened.close()
    assert held(standin) == before


def held(standin: StandIn) -> dict[str, int]:
    return {what: standin.held(what) for what in ("memory", "locked", "contexts", "graphs")}


@pytest.fixture(autouse=True)
def engines_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own, with the networks of the usual one."""
    usual = cache.directory()
    own = tmp_path / "cache"
    own.mkdir()
    for name in ("onnx", "sources"):
        if (usual / name).is_dir():
            (own / name).symlink_to(usual / name)
    monkeypatch.setenv("POSESTREAM_CACHE", str(own))


def imported(spec: ModelSpec) -> Path:
    try:
        return onnx_path(spec)
    except ZooError as error:
        pytest.skip(f"weights cannot be had here: {error}")


def loaded(spec: ModelSpec, file: Path, device: Device, precision: str = "fp32", **more: bool) -> TensorRTBackend:
    engine = engine_for(spec, file, precision, (1, 4), device.gpu)  # type: ignore[arg-type]
    return TensorRTBackend(spec, installed.find(), engine.content(), device, precision=precision, **more)


def empty(shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    return [np.full(shape, np.nan, np.float32) for shape in shapes]


def seeded(spec: ModelSpec, count: int, seed: int, size_hw: tuple[int, int] | None = None) -> np.ndarray:
    """Images that a camera could have made."""
    size = size_hw or spec.input.size_hw
    assert size is not None
    values = np.random.default_rng(seed).integers(0, 256, (count, *spec.input.image_shape(size)))
    return values.astype(spec.input.tensor.dtype)


def test_batches_of_any_number_give_what_onnx_runtime_gives(device: Device) -> None:
    spec = find("movenet-lightning")
    file = imported(spec)
    backend, reference = loaded(spec, file, device), OnnxBackend(spec, file, 1)
    batches = [Batch(seeded(spec, n, n), empty(backend.output_shapes((n, 192, 192, 3)))) for n in (3, 1, 2)]
    backend.run(batches)
    for batch in batches:
        expected = empty(backend.output_shapes(batch.images.shape))
        reference.run([Batch(batch.images, expected)])
        np.testing.assert_allclose(batch.outputs[0], expected[0], atol=1e-5)
    backend.close()


def test_a_network_of_halves_takes_the_same_images(device: Device) -> None:
    spec = find("nanodet")
    file = imported(spec)
    backend, reference = loaded(spec, file, device, "fp16"), OnnxBackend(spec, file, 1)
    images = seeded(spec, 1, 5) / np.float32(60) - 2
    found, expected = (empty(backend.output_shapes(images.shape)) for _ in range(2))
    backend.run([Batch(images, found)])
    reference.run([Batch(images, expected)])
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.05)
    backend.close()


def test_the_work_of_a_call_is_one_graph_a_bucket_and_nothing_is_allocated(device: Device, standin: StandIn) -> None:
    spec = find("movenet-lightning")
    backend = loaded(spec, imported(spec), device)
    assert backend.device == "tensorrt 11.4.0.standin, stand-in GPU, fp32, CUDA graph"
    ready = held(standin)
    launched = standin.held("launched_graphs")
    for _ in range(3):
        backend.run([Batch(seeded(spec, 5, 1), empty(backend.output_shapes((5, 192, 192, 3))))])
    assert held(standin) == ready
    assert standin.held("launched_graphs") - launched == 3 * 2  # four images, and one
    backend.close()


def test_per_frame_nothing_is_set_in_tensorrt(device: Device) -> None:
    spec = find("movenet-lightning")
    backend = loaded(spec, imported(spec), device)
    calls = installed.find().api.calls
    before = len(calls)
    backend.run([Batch(seeded(spec, 2, 1), empty(backend.output_shapes((2, 192, 192, 3))))])
    assert calls[before:] == []
    backend.close()


def test_a_context_is_told_profile_memory_shape_and_addresses_in_this_order(device: Device) -> None:
    spec = find("movenet-lightning")
    loaded(spec, imported(spec), device).close()
    calls = installed.find().api.calls
    start = calls.index("create_execution_context")
    assert calls[start : start + 7] == [
        "create_execution_context",
        "set_optimization_profile_async",
        "set_device_memory",
        "set_input_shape",
        "set_tensor_address",
        "set_tensor_address",
        "execute_async_v3",
    ]


@pytest.mark.parametrize(
    "call",
    [
        "deserialize_cuda_engine",
        "create_execution_context",
        "set_optimization_profile_async",
        "set_input_shape",
        "set_tensor_address",
        "execute_async_v3",
    ],
)
def test_every_refusal_of_tensorrt_is_an_error_that_names_the_call(
    standin: StandIn, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = open_device()
    spec = find("movenet-lightning")
    file = imported(spec)
    monkeypatch.setenv("STANDIN_REFUSE", call)
    with pytest.raises(TensorRTError, match=rf"tensorrt 11\.4\.0\.standin: {call}.* failed"):
        loaded(spec, file, device)
    device.close()


def test_images_that_follow_the_frame_get_a_bucket_at_first_sight(device: Device, standin: StandIn) -> None:
    spec = find("openpose-mobilenet-thin")
    file = imported(spec)
    backend, reference = loaded(spec, file, device), OnnxBackend(spec, file, 1)
    for size_hw in ((96, 128), (128, 96), (96, 128)):
        images = seeded(spec, 1, 3, size_hw) / np.float32(255)
        found, expected = (empty(backend.output_shapes(images.shape)) for _ in range(2))
        backend.run([Batch(images, found)])
        reference.run([Batch(images, expected)])
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert standin.held("graphs") == 2
    backend.close()


def test_crops_cut_on_the_device_pose_people_as_crops_cut_on_the_cpu_do(device: Device) -> None:
    spec = find("movenet-lightning")
    file = imported(spec)
    backend, reference = loaded(spec, file, device, frames=True), OnnxBackend(spec, file, 1)
    smooth = np.repeat(np.repeat(PICTURE[::8, ::8], 8, axis=0), 8, axis=1)
    regions = [crop_around((20 * i, 10, 20 * i + 60, 160), spec.input, 1.05) for i in range(5)]
    images = np.empty((5, 192, 192, 3), np.int32)
    for region, image in zip(regions, images, strict=True):
        Preprocessor(spec.input)(smooth, "bgr24", region, image)
    expected, found = empty(backend.output_shapes(images.shape)), empty(backend.frame_shapes(images.shape))
    reference.run([Batch(images, expected)])
    backend.run_frames([FrameBatch(smooth, "bgr24", regions, (192, 192), found)])
    assert not backend.decodes  # MoveNet finds its joints itself
    sure = expected[0][..., 2] > 0.2
    assert np.abs(found[0] - expected[0])[sure].max(initial=0) < 0.02
    backend.close()


def test_frames_of_several_cameras_go_up_once_and_keypoints_come_down(device: Device, standin: StandIn) -> None:
    spec = find("rtmpose-t")
    file = trained.with_random_weights(spec)
    backend, reference = loaded(spec, file, device, frames=True, decode=True), OnnxBackend(spec, file, 1)
    assert backend.decodes
    codec = codec_for(spec)
    batches, expected = [], []
    for camera in range(2):
        picture = np.roll(PICTURE, 40 * camera, axis=1)
        regions = [Region(30.0 * i, 20, 90, 120) for i in range(camera + 1)]
        images = np.empty((len(regions), *spec.input.image_shape((256, 192))), np.float32)
        for region, image in zip(regions, images, strict=True):
            Preprocessor(spec.input)(picture, "bgr24", region, image)
        outputs = empty(backend.output_shapes(images.shape))
        reference.run([Batch(images, outputs)])
        expected.append(codec.decode(outputs, regions, (256, 192)))
        batches.append(FrameBatch(picture, "bgr24", regions, (256, 192), empty(backend.frame_shapes(images.shape))))
    backend.run_frames(batches)
    for batch, poses in zip(batches, expected, strict=True):
        assert isinstance(poses, Poses)
        (keypoints,) = batch.outputs
        assert keypoints.shape == (*poses.keypoints.shape[:2], 3)
        close = np.linalg.norm(keypoints[..., :2] - poses.keypoints, axis=-1) < 1  # of noise a peak may be another
        assert close.mean() > 0.9
        np.testing.assert_allclose(keypoints[..., 2], poses.keypoint_scores, atol=0.01)
    backend.close()


def test_a_detector_gets_the_whole_frame_from_the_device(device: Device) -> None:
    spec = find("nanodet")
    file = imported(spec)
    backend, reference = loaded(spec, file, device, frames=True), OnnxBackend(spec, file, 1)
    region, size_hw = whole_frame(spec.input, (240, 320))
    planar = np.random.default_rng(4).integers(60, 200, (360, 320), dtype=np.uint8)
    images = np.empty((1, *spec.input.image_shape(size_hw)), np.float32)
    Preprocessor(spec.input)(planar, "i420", region, images[0])
    expected, found = empty(backend.output_shapes(images.shape)), empty(backend.frame_shapes(images.shape))
    reference.run([Batch(images, expected)])
    backend.run_frames([FrameBatch(planar, "i420", [region], size_hw, found)])
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.05)
    backend.close()


def test_a_call_that_fails_on_the_device_says_that_the_device_is_lost(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = open_device()
    spec = find("movenet-lightning")
    backend = loaded(spec, imported(spec), device)
    monkeypatch.setenv("STANDIN_FAIL", "cuGraphLaunch:0")
    with pytest.raises(DeviceLostError, match="an illegal memory access was encountered"):
        backend.run([Batch(seeded(spec, 1, 1), empty(backend.output_shapes((1, 192, 192, 3))))])
    monkeypatch.delenv("STANDIN_FAIL")


def test_memory_is_locked_once_and_refusals_are_named(device: Device) -> None:
    memory = np.zeros(3 * 4096, np.uint8)
    start = -memory.ctypes.data % 4096
    pages = memory[start : start + 8192]
    device.lock(pages)
    with pytest.raises(LockRefusedError, match="already locked"):
        device.lock(pages)
    device.unlock(pages)
    with pytest.raises(LockRefusedError, match="invalid argument"):
        device.lock(memory[start + 1 : start + 4097])
