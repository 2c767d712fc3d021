"""A network and a device become a backend that is ready to run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from engines.backends.protocol import Backend
from engines.spec import ModelSpec

Device: TypeAlias = Literal["auto", "openvino", "onnx"]
_Loader: TypeAlias = Callable[[ModelSpec, Path, int, Path | None], Backend]


def _openvino(spec: ModelSpec, onnx_path: Path, threads: int, cache_dir: Path | None) -> Backend:
    from engines.backends.openvino import OpenVinoBackend

    return OpenVinoBackend(spec, onnx_path, threads, cache_dir)


def _onnx(spec: ModelSpec, onnx_path: Path, threads: int, _cache_dir: Path | None) -> Backend:
    from engines.backends.onnx import OnnxBackend

    return OnnxBackend(spec, onnx_path, threads)


# In the order that "auto" tries them; TensorRT will come first.
_LOADERS: Mapping[str, _Loader] = {"openvino": _openvino, "onnx": _onnx}


def load(
    spec: ModelSpec, onnx_path: Path, device: Device = "auto", threads: int = 0, cache_dir: Path | None = None
) -> Backend:
    """A backend that has read the network at `onnx_path` and compiled it where its input has a fixed size.

    "auto" takes the first runtime that is installed. `threads` 0 means all cores. `cache_dir` is where a runtime may
    keep what it compiled; it is made when missing. Raises BackendError where the file is not that network, ImportError
    where the runtime asked for (with "auto": any) is not installed.
    """
    if device != "auto":
        return _LOADERS[device](spec, onnx_path, threads, cache_dir)
    missing = ImportError("no runtime is installed: install openvino or onnxruntime")
    for loader in _LOADERS.values():
        try:
            return loader(spec, onnx_path, threads, cache_dir)
        except ImportError as error:
            missing = error
    raise missing
