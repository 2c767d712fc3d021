"""A network ready on the GPU: its engine built or found, loaded, its memory and graphs made."""

from functools import cache
from pathlib import Path

from engines.backends.tensorrt import installed
from engines.backends.tensorrt.backend import TensorRTBackend
from engines.build import Engine, engine_for
from engines.cuda.device import Device
from engines.cuda.opening import open_device
from engines.gpu import OnGpu
from engines.spec import ModelSpec
from engines.zoo.forms import Precision


@cache
def _device(index: int) -> Device:
    """The GPU, which all networks of a process share."""
    return open_device(index)


def ready(spec: ModelSpec, onnx_path: Path, precision: Precision, gpu: OnGpu) -> TensorRTBackend:
    """Builds the engine where the cache has none that fits; one that cannot be loaded is built anew, once.

    Raises ImportError, NoGpuError, ZooError, BackendError.
    """
    found, device = installed.find(), _device(gpu.index)

    def engine(*, rebuild: bool) -> Engine:
        return engine_for(spec, onnx_path, precision, gpu.batches, device.gpu, gpu.progress, rebuild=rebuild)

    def backend(of: Engine) -> TensorRTBackend:
        content = of.content()
        return TensorRTBackend(spec, found, content, device, precision=precision, frames=gpu.frames, decode=gpu.decode)

    cached = engine(rebuild=False)
    try:
        return backend(cached)
    except installed.TensorRTError:
        if cached.fresh:
            raise
        return backend(engine(rebuild=True))
