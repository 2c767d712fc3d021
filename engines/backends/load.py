"""A network and a device become a backend that is ready to run."""

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
from posestream.engines.zoo.precision import selection
from posestream.engines.zoo.precision.selection import Precision, Runtime

DeviceName: TypeAlias = Literal["auto", "tensorrt", "torch", "cpu", "openvino", "onnx"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Wanted:
    spec: ModelSpec
    onnx_path: Path
    precision: Precision
    threads: int
    cache_dir: Path | None
    gpu: GpuOptions


def _tensorrt(wanted: _Wanted) -> Backend:
    gpus()  # TensorRT may end the interpreter where there is no driver
    from posestream.engines.backends.tensorrt.load_engine import load as load_tensorrt

    return load_tensorrt(wanted.spec, wanted.onnx_path, wanted.precision, wanted.gpu)


def _openvino(wanted: _Wanted) -> Backend:
    from posestream.engines.backends.openvino import OpenVinoBackend

    form = selection.select_file(wanted.spec, wanted.onnx_path, wanted.precision, "openvino")
    return OpenVinoBackend(wanted.spec, form.path, wanted.threads, wanted.cache_dir)


def _onnx(wanted: _Wanted) -> Backend:
    from posestream.engines.backends.onnxruntime import OnnxBackend

    form = selection.select_file(wanted.spec, wanted.onnx_path, wanted.precision, "onnx")
    return OnnxBackend(wanted.spec, form.path, wanted.threads)


def _torch(wanted: _Wanted) -> Backend:
    try:
        from posestream.engines.backends.torch.torch_backend import TorchBackend
    except ImportError as error:
        raise ImportError(f"torch is not installed: pip install posestream[torch] ({error})") from None
    form = selection.select_file(wanted.spec, wanted.onnx_path, wanted.precision, "torch")
    gpu = wanted.gpu
    return TorchBackend(
        wanted.spec,
        form.path,
        precision=form.precision,
        batches=gpu.batches,
        gpu=gpu.index,
        threads=wanted.threads,
        progress=gpu.progress,
    )


_LOADERS: Mapping[Runtime, Callable[[_Wanted], Backend]] = {
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
"""The runtimes that are tried for a device, in order."""

_PLAIN = GpuOptions()


def load(
    spec: ModelSpec,
    onnx_path: Path,
    device: DeviceName = "auto",
    threads: int = 0,
    cache_dir: Path | None = None,
    precision: Precision = "fp32",
    gpu: GpuOptions = _PLAIN,
) -> Backend:
    """A backend that has read the network at `onnx_path` and compiled it where its input has a fixed size.

    "auto" takes TensorRT where there is a GPU and TensorRT can use it, else as "cpu" does the first runtime that is
    installed; why a GPU is left alone is logged. `threads` 0 means all cores. `cache_dir` is where a CPU's runtime may
    keep what it compiled; it is made when missing. Raises BackendError where the file is not that network or the
    runtime fails, NoGpuError where one is asked for and there is none, ImportError where what is asked for is not
    installed, WeightsError where the network has no form of that precision.
    """
    wanted = _Wanted(spec, onnx_path, precision, threads, cache_dir, gpu)
    if len(RUNTIMES_OF[device]) == 1:
        return _LOADERS[RUNTIMES_OF[device][0]](wanted)
    missing = ImportError("no runtime is installed: install openvino or onnxruntime")
    for name in RUNTIMES_OF[device]:
        try:
            return _LOADERS[name](wanted)
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
    """What is true of several networks of a run is said once."""
    log.warning("%s", line)
