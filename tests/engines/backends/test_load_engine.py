"""Networks loaded by TensorRT: calls that fail, engines that are rebuilt, RTX's options."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from posestream.engines.backends.gpu_options import GpuOptions
from posestream.engines.backends.onnxruntime import OnnxBackend
from posestream.engines.backends.tensorrt import api, load_engine
from posestream.engines.backends.tensorrt.api import TensorRTError
from posestream.engines.backends.tensorrt.engine import ForeignEngineError
from posestream.engines.batches import Batch
from posestream.engines.cuda.device import Device
from posestream.engines.exceptions import NoRoomError
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.store import cache
from tests.engines.backends.on_standin import device, empty, engines_of_this_test, held, loaded, seeded
from tests.engines.zoo.caches import imported
from tests.standin.gpu import StandIn

__all__ = ["device", "engines_of_this_test"]


@pytest.mark.parametrize(
    "call",
    [
        *("Runtime", "deserialize_cuda_engine", "create_execution_context", "set_optimization_profile_async"),
        *("set_device_memory", "set_input_shape", "set_tensor_address", "execute_async_v3"),
    ],
)
def test_every_refusal_of_tensorrt_is_an_error_that_names_the_call_and_nothing_is_left_on_the_device(
    device: Device, standin: StandIn, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = find("movenet-lightning")
    file = imported(spec)
    before = held(standin)
    monkeypatch.setenv("STANDIN_REFUSE", call)
    with pytest.raises(TensorRTError, match=rf"tensorrt 11\.4\.0\.standin: {call}(\(.*\))? failed"):
        loaded(spec, file, device)
    assert held(standin) == before


def test_work_that_cannot_be_captured_runs_without_a_graph(
    device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It was mistaken for a lost device, and ended infer."""
    spec = find("movenet-lightning")
    file = imported(spec)
    monkeypatch.setenv("STANDIN_REFUSE_CAPTURE", "1")
    backend, reference = loaded(spec, file, device), OnnxBackend(spec, file, 1)
    assert backend.device.endswith("no graph")
    assert "without a CUDA graph, so slower: the work cannot be captured (CUDA_ERROR_STREAM_CAPTURE" in caplog.text
    images = seeded(spec, 1, 1)
    found, expected = (empty(backend.output_shapes(images.shape)) for _ in range(2))
    backend.run([Batch(images, found)])
    reference.run([Batch(images, expected)])
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5)
    backend.close()


def test_a_device_without_room_is_not_taken_for_a_lost_one(
    device: Device, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = find("movenet-lightning")
    file = imported(spec)
    before = held(standin)
    monkeypatch.setenv("STANDIN_ROOM", "100000")
    with pytest.raises(NoRoomError, match="the GPU has no room for"):
        loaded(spec, file, device)
    assert held(standin) == before


def test_an_engine_that_is_for_another_device_after_all_is_built_anew_once(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = find("movenet-lightning")
    file, on = imported(spec), GpuOptions()
    load_engine.load(spec, file, "fp32", on).close()
    calls = api.find().api.calls
    calls.clear()
    monkeypatch.setenv("STANDIN_REFUSE", "deserialize_cuda_engine")
    with pytest.raises(ForeignEngineError):
        load_engine.load(spec, file, "fp32", on)
    assert calls.count("build_serialized_network") == 1


def test_one_that_fails_for_another_reason_is_not_built_anew(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = find("movenet-lightning")
    file, on = imported(spec), GpuOptions()
    load_engine.load(spec, file, "fp32", on).close()
    calls = api.find().api.calls
    calls.clear()
    monkeypatch.setenv("STANDIN_REFUSE", "create_execution_context")
    with pytest.raises(TensorRTError, match="create_execution_context"):
        load_engine.load(spec, file, "fp32", on)
    assert "build_serialized_network" not in calls


def test_progress_is_reported_for_each_batch_size(standin: StandIn) -> None:
    heard: list[str] = []
    spec = find("movenet-lightning")
    on = GpuOptions(batches=(1, 4), progress=lambda phase, _: heard.append(phase))
    load_engine.load(spec, imported(spec), "fp32", on).close()
    assert heard[-2:] == ["getting ready"] * 2


@pytest.fixture
def rtx(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """RTX is what is installed."""
    monkeypatch.syspath_prepend(str(standin.rtx))
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.delitem(sys.modules, "tensorrt_rtx", raising=False)
    yield
    sys.modules.pop("tensorrt_rtx", None)


def test_kernels_of_rtx_are_cached_for_the_next_start(rtx: None) -> None:
    spec = find("movenet-lightning")
    file, on = imported(spec), GpuOptions(batches=(1, 4))
    calls = api.find().api.calls
    calls.clear()
    for expected in (2, 0):  # the first time one for each size, the second time none
        load_engine.load(spec, file, "fp32", on).close()
        assert sum(call.startswith("compiled for") for call in calls) == expected
        calls.clear()


def test_kernels_of_another_rtx_are_compiled_again(rtx: None) -> None:
    spec = find("movenet-lightning")
    file, on = imported(spec), GpuOptions()
    load_engine.load(spec, file, "fp32", on).close()
    (kernels,) = (cache.directory() / "engines").glob("*.kernels")
    kernels.write_bytes(b"1.6.0\n[1, 192, 192, 3]")
    calls = api.find().api.calls
    calls.clear()
    load_engine.load(spec, file, "fp32", on).close()
    assert "compiled for [1, 192, 192, 3]" in calls


def test_kernels_that_cannot_be_cached_are_logged_and_the_network_runs(
    rtx: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spec = find("movenet-lightning")
    file = imported(spec)
    monkeypatch.setenv("STANDIN_REFUSE", "serialize")
    load_engine.load(spec, file, "fp32", GpuOptions()).close()
    assert "movenet-lightning: its kernels cannot be cached" in caplog.text


@pytest.mark.parametrize("call", ["create_runtime_config", "create_runtime_cache", "set_runtime_cache"])
def test_a_refusal_of_rtx_names_the_call(rtx: None, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = find("movenet-lightning")
    file = imported(spec)
    monkeypatch.setenv("STANDIN_REFUSE", call)
    with pytest.raises(TensorRTError, match=rf"tensorrt-rtx 1\.7\.1\.standin: {call}"):
        load_engine.load(spec, file, "fp32", GpuOptions())


def test_rtx_compiles_before_the_first_run_and_reports_what_cannot_be_captured(
    device: Device, rtx: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default it compiles in the background, and a graph would hold its fallback kernels."""
    spec = find("movenet-lightning")
    file = imported(spec)
    backend = loaded(spec, file, device)
    assert backend.device == "tensorrt-rtx 1.7.1.standin, stand-in GPU, fp32, CUDA graph"
    assert "create_execution_context(EAGER)" in api.find().api.calls
    backend.close()
    monkeypatch.setenv("STANDIN_NOT_CAPTURABLE", "1")
    backend = loaded(spec, file, device)
    assert backend.device.endswith("no graph")
    backend.close()
