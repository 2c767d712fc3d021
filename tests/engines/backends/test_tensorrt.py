"""The TensorRT backend on a stand-in of driver and TensorRT: the calls, the memory and the graphs are real.

What a GPU computes is not: kernels run on the CPU, networks in ONNX Runtime. `python -m tools.gpu_check` is for that.
"""

import gc

import numpy as np
import pytest

from posestream.engines.backends.onnxruntime import OnnxBackend
from posestream.engines.backends.tensorrt import api
from posestream.engines.backends.tensorrt.api import TensorRTError
from posestream.engines.backends.tensorrt.engine_bucket import EngineBucket
from posestream.engines.batches import Batch, FrameBatch
from posestream.engines.codecs import codec_for
from posestream.engines.cuda.device import Device
from posestream.engines.cuda.frames import FrameMemory
from posestream.engines.cuda.open_device import open_device
from posestream.engines.exceptions import DeviceLostError, LockRefusedError, NoRoomError
from posestream.engines.geometry import crop_around, whole_frame
from posestream.engines.pixels import Preprocessor
from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.make import from_checkpoint
from tests.engines.backends.on_standin import (
    PICTURE,
    device,
    empty,
    engines_of_this_test,
    held,
    loaded,
    seeded,
)
from tests.engines.zoo.caches import imported
from tests.standin.gpu import StandIn

__all__ = ["device", "engines_of_this_test"]


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


def test_an_fp16_network_takes_the_same_images(device: Device) -> None:
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
    calls = api.find().api.calls
    before = len(calls)
    backend.run([Batch(seeded(spec, 2, 1), empty(backend.output_shapes((2, 192, 192, 3))))])
    assert calls[before:] == []
    backend.close()


def test_a_context_gets_profile_memory_shape_and_addresses_in_this_order(device: Device) -> None:
    spec = find("movenet-lightning")
    loaded(spec, imported(spec), device).close()
    calls = api.find().api.calls
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


def test_images_that_follow_the_frame_get_a_bucket_at_first_use(device: Device, standin: StandIn) -> None:
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
    file = from_checkpoint.with_random_weights(spec)
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


def test_a_call_that_fails_on_the_device_raises_that_the_device_is_lost(
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


def test_new_memory_is_zeros_for_streams_that_wait_for_no_other(device: Device) -> None:
    """It was zeroed on a stream that ours do not wait for: a copy of ours could come first, and be overwritten."""
    stream, address = device.stream(), device.allocate(64)
    found = np.full(64, 7, np.uint8)
    stream.copy_out(found, address)
    stream.wait()
    assert not found.any()
    device.free(address)


def test_a_closed_backend_holds_no_buckets(device: Device) -> None:
    """A reference cycle kept them, and their contexts on the GPU, until a garbage collection."""
    spec = find("movenet-lightning")
    backend = loaded(spec, imported(spec), device)
    gc.collect()
    gc.disable()
    try:
        backend.close()
        assert not [each for each in gc.get_objects() if type(each) is EngineBucket]
    finally:
        gc.enable()


def test_a_frame_that_has_no_room_leaves_room_for_others(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of a smaller frame had been freed by then, was written to, and freed again."""
    memory, stream = FrameMemory(device), device.stream()
    small, large = (np.zeros(size, np.uint8) for size in (1000, 100_000))
    memory.upload(stream, [small])
    stream.wait()
    monkeypatch.setenv("STANDIN_ROOM", str(device.memory_used() + 10_000))
    for _ in range(2):
        with pytest.raises(NoRoomError):
            memory.upload(stream, [large])
    memory.upload(stream, [small])
    stream.wait()
    memory.close()


def test_a_call_that_fails_ends_with_nothing_under_way(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its copies could have been written into slots that had been reused."""
    spec = find("openpose-mobilenet-thin")
    backend = loaded(spec, imported(spec), device)
    fits, too_large = (seeded(spec, 1, 3, size) / np.float32(255) for size in ((96, 128), (8192, 8192)))
    outputs = [empty(backend.output_shapes(images.shape)) for images in (fits, too_large)]
    with pytest.raises(TensorRTError, match="was built for no images of"):
        backend.run([Batch(images, found) for images, found in zip((fits, too_large), outputs, strict=True)])
    assert np.isfinite(outputs[0][0]).all()
    backend.close()
