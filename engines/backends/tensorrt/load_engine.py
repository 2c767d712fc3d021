"""A network ready on the GPU: its engine built or found, loaded, its memory and graphs made."""

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
    """The GPU, which all networks of a process share; TensorRT builds and loads engines for it from then on."""
    return open_device(index)


def load(spec: ModelSpec, onnx_path: Path, precision: Precision, gpu: GpuOptions) -> TensorRTBackend:
    """Builds the engine where the cache has none that fits; one that is not for this GPU after all is built anew, once.

    Raises ImportError, NoGpuError, WeightsError, BackendError.
    """
    found, opened = api.find(), device(gpu.index)

    def engine(*, rebuild: bool) -> CachedEngine:
        return engine_for(spec, onnx_path, precision, gpu.batches, opened.gpu, gpu.progress, rebuild=rebuild)

    def backend(of: CachedEngine) -> TensorRTBackend:
        made = TensorRTBackend(
            spec,
            found,
            of.content(),
            opened,
            precision=of.sidecar["precision"],
            frames=gpu.frames,
            decode=gpu.decode,
            compiled=of.compiled(),
            progress=gpu.progress,
        )
        try:
            of.keep_compiled(made.compiled())
        except (api.TensorRTError, WeightsError) as error:
            log.warning("what was compiled for %s is not kept, so it is compiled at each start: %s", spec.name, error)
        return made

    cached = engine(rebuild=False)
    try:
        return backend(cached)
    except ForeignEngineError:
        if cached.fresh:
            raise
    return backend(engine(rebuild=True))
