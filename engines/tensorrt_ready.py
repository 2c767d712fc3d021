"""A network ready on the GPU: its engine built or found, loaded, its memory and graphs made."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from engines import trt
from engines.backends.tensorrt import TensorRTBackend
from engines.build import engine_for
from engines.cuda.device import Device, open_device
from engines.spec import ModelSpec
from engines.zoo.forms import Precision

if TYPE_CHECKING:
    from engines.load import OnGpu


@cache
def _device(index: int) -> Device:
    """The GPU, which all networks of a process share."""
    return open_device(index)


def ready(spec: ModelSpec, onnx_path: Path, precision: Precision, gpu: "OnGpu") -> TensorRTBackend:
    """Builds the engine where the cache has none that fits; one that cannot be loaded is built anew, once.

    Raises ImportError, NoGpuError, ZooError, BackendError.
    """
    found, device = trt.find(), _device(gpu.index)

    def backend(rebuild: bool) -> TensorRTBackend:
        engine = engine_for(spec, onnx_path, precision, gpu.batches, device.gpu, progress=gpu.progress, rebuild=rebuild)
        return TensorRTBackend(
            spec, found, engine.content(), device, precision=precision, frames=gpu.frames, decode=gpu.decode
        )

    try:
        return backend(rebuild=False)
    except trt.TensorRTError:
        return backend(rebuild=True)
