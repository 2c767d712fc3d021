"""Chooses the runtime for a device, and loads a network on it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from posestream.engines.backends.gpu_options import GpuOptions
from posestream.engines.backends.protocol import Backend
from posestream.engines.cuda.driver import gpus
from posestream.engines.exceptions import BackendError, NoGpuError, WeightsError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.precision.selection import Precision, Runtime, SelectedFile, select_file

DeviceName: TypeAlias = Literal["auto", "tensorrt", "torch", "cpu", "openvino", "onnx"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Request:
    """The arguments of `load`."""

    spec: ModelSpec
    onnx_path: Path
    precision: Precision
    threads: int
    cache_dir: Path | None
    gpu: GpuOptions

    def file(self, runtime: Runtime) -> SelectedFile:
        return select_file(self.spec, self.onnx_path, self.precision, runtime)


def _tensorrt(request: _Request) -> Backend:
    gpus()  # raises NoGpuError: without a driver TensorRT may end the interpreter
    from posestream.engines.backends.tensorrt.load_engine import load as load_tensorrt

    return load_tensorrt(request.spec, request.onnx_path, request.precision, request.gpu)


def _openvino(request: _Request) -> Backend:
    from posestream.engines.backends.openvino import OpenVinoBackend

    return OpenVinoBackend(request.spec, request.file("openvino").path, request.threads, request.cache_dir)


def _onnx(request: _Request) -> Backend:
    from posestream.engines.backends.onnxruntime import OnnxBackend

    return OnnxBackend(request.spec, request.file("onnx").path, request.threads)


def _torch(request: _Request) -> Backend:
    try:
        from posestream.engines.backends.torch.torch_backend import TorchBackend
    except ImportError as error:
        raise ImportError(f"torch is not installed: pip install posestream[torch] ({error})") from None
    file, gpu = request.file("torch"), request.gpu
    return TorchBackend(
        request.spec,
        file.path,
        precision=file.precision,
        batches=gpu.batches,
        gpu=gpu.index,
        threads=request.threads,
        progress=gpu.progress,
    )


_LOADERS: Mapping[Runtime, Callable[[_Request], Backend]] = {
    "tensorrt": _tensorrt,
    "torch": _torch,
    "openvino": _openvino,
    "onnx": _onnx,
}
RUNTIMES_OF: Mapping[DeviceName, tuple[Runtime, ...]] = {
    "auto": ("tensorrt", "openvino", "onnx"),
    "cpu": ("openvino", "onnx"),
    "tensorrt": ("tensorrt",),
    "torch": ("torch",),
    "openvino": ("openvino",),
    "onnx": ("onnx",),
}
"""The runtimes to try for a device, in order."""

_DEFAULT_GPU_OPTIONS = GpuOptions()


def load(
    spec: ModelSpec,
    onnx_path: Path,
    device: DeviceName = "auto",
    threads: int = 0,
    cache_dir: Path | None = None,
    precision: Precision = "fp32",
    gpu: GpuOptions = _DEFAULT_GPU_OPTIONS,
) -> Backend:
    """Loads the network at `onnx_path`, compiled where its input has a fixed size.

    "auto" takes TensorRT where it can use a GPU, otherwise the first runtime installed for "cpu"; why a GPU is not used
    is logged. `threads` 0 means all cores. `cache_dir` is where a CPU runtime may keep compiled networks; it is created
    when missing.

    Raises BackendError where the file is another network or the runtime fails, NoGpuError where the device is a GPU and
    there is none, ImportError where its runtime is not installed, WeightsError where the network has no such precision.
    """
    request = _Request(spec, onnx_path, precision, threads, cache_dir, gpu)
    if len(RUNTIMES_OF[device]) == 1:
        return _LOADERS[RUNTIMES_OF[device][0]](request)
    missing = ImportError("no runtime is installed: install openvino or onnxruntime")
    for name in RUNTIMES_OF[device]:
        try:
            return _LOADERS[name](request)
        except NoGpuError as error:
            log.debug("%s", error)
        except ImportError as error:
            missing = error
            if name == "tensorrt":
                _warn_once(f"the GPU is not used: {error}")
        except (BackendError, WeightsError) as error:
            if name != "tensorrt":
                raise
            _warn_once(f"the GPU is not used: {error}")
    raise missing


@cache
def _warn_once(line: str) -> None:
    """Logs each distinct warning once per process: several networks of a run may raise the same."""
    log.warning("%s", line)
