"""Loads a network into TensorRT: builds its engine or takes it from the cache, then makes its memory and graphs."""

import logging
from functools import cache
from pathlib import Path

from posestream.engines.backends.gpu_options import GpuOptions
from posestream.engines.backends.tensorrt import api
from posestream.engines.backends.tensorrt.build import CachedEngine, engine_for
from posestream.engines.backends.tensorrt.engine import ForeignEngineError
from posestream.engines.backends.tensorrt.tensorrt_backend import TensorRTBackend
from posestream.engines.cuda.device import Device
from posestream.engines.cuda.open_device import open_device
from posestream.engines.exceptions import WeightsError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.precision.selection import Precision

log = logging.getLogger(__name__)


@cache
def device(index: int) -> Device:
    """The GPU, shared by all networks of a process; from then on TensorRT builds and loads engines for it."""
    return open_device(index)


def load(spec: ModelSpec, onnx_path: Path, precision: Precision, gpu: GpuOptions) -> TensorRTBackend:
    """Loads the network; a cached engine that turns out to be of another GPU is rebuilt, once.

    Raises ImportError where TensorRT is not installed, NoGpuError without a GPU, WeightsError where the network has no
    such precision, BackendError where TensorRT or the GPU fails.
    """
    trt, opened = api.find(), device(gpu.index)

    def engine(*, rebuild: bool) -> CachedEngine:
        return engine_for(spec, onnx_path, precision, gpu.batches, opened.gpu, gpu.progress, rebuild=rebuild)

    def backend(built: CachedEngine) -> TensorRTBackend:
        loaded = TensorRTBackend(
            spec,
            trt,
            built.content(),
            opened,
            precision=built.sidecar["precision"],
            frames=gpu.frames,
            decode=gpu.decode,
            runtime_cache=built.runtime_cache(),
            progress=gpu.progress,
        )
        try:
            built.store_runtime_cache(loaded.runtime_cache())
        except (api.TensorRTError, WeightsError) as error:
            log.warning("%s: its kernels cannot be cached, and are compiled at each start: %s", spec.name, error)
        return loaded

    cached = engine(rebuild=False)
    try:
        return backend(cached)
    except ForeignEngineError:
        if cached.fresh:
            raise
    return backend(engine(rebuild=True))
