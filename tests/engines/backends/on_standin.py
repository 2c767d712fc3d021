"""Fixtures and helpers of the tests of the TensorRT backend on the stand-in of driver and TensorRT."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from posestream.engines.backends.tensorrt import api
from posestream.engines.backends.tensorrt.build import engine_for
from posestream.engines.backends.tensorrt.tensorrt_backend import TensorRTBackend
from posestream.engines.cuda.device import Device
from posestream.engines.cuda.driver import gpus
from posestream.engines.spec import ModelSpec
from tests.engines.zoo.caches import own_cache
from tests.standin.gpu import StandIn

PICTURE = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)


@pytest.fixture(params=["cuda-bindings", "pycuda"])
def device(standin: StandIn, request: pytest.FixtureRequest) -> Iterator[Device]:
    """The stand-in GPU by either package; after the test nothing is left on it."""
    before = held(standin)
    opened = by_package(request.param)
    yield opened
    opened.close()
    assert held(standin) == before


def by_package(name: str) -> Device:
    (gpu,) = gpus()
    if name == "pycuda":
        before = sys.getdlopenflags()
        sys.setdlopenflags(os.RTLD_LAZY)  # the stand-in has no functions but those that are called
        pytest.importorskip("pycuda.driver", reason="pycuda is not installed: it has no wheels")
        sys.setdlopenflags(before)
        from posestream.engines.cuda.pycuda import PyCudaDevice

        return PyCudaDevice(gpu)
    from posestream.engines.cuda.cuda_python import BindingsDevice

    return BindingsDevice(gpu)


def held(standin: StandIn) -> dict[str, int]:
    return {what: standin.held(what) for what in ("memory", "locked", "contexts", "graphs")}


@pytest.fixture(autouse=True)
def engines_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own, with the networks of the usual one."""
    own_cache(tmp_path, monkeypatch, "onnx", "sources")


def loaded(
    spec: ModelSpec, file: Path, device: Device, precision: str = "fp32", *, frames: bool = False, decode: bool = False
) -> TensorRTBackend:
    engine = engine_for(spec, file, precision, (1, 4), device.gpu)  # type: ignore[arg-type]
    return TensorRTBackend(
        spec, api.find(), engine.content(), device, precision=precision, frames=frames, decode=decode
    )


def empty(shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    return [np.full(shape, np.nan, np.float32) for shape in shapes]


def seeded(spec: ModelSpec, count: int, seed: int, size_hw: tuple[int, int] | None = None) -> np.ndarray:
    """Images (N, ...) of random pixels."""
    size = size_hw or spec.input.size_hw
    assert size is not None
    values = np.random.default_rng(seed).integers(0, 256, (count, *spec.input.image_shape(size)))
    return values.astype(spec.input.tensor.dtype)
