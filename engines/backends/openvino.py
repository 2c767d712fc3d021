"""OpenVINO on CPUs: the default runtime.

Measured on two cores, the networks of the catalogue run a batch of N no faster than N single images, and a dynamic
batch axis costs about 50 ms at each new N. So a network is compiled for single images of one size, at the first image
of that size. One image gets all threads; several images of a call run in parallel streams that share the threads.
"""

import ctypes
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino.frontend import (
    FrontEndManager,
    GeneralFailure,
    InitializationFailure,
    NotImplementedFailure,
    OpConversionFailure,
    OpValidationFailure,
)

from posestream.engines.backends.protocol import check_outputs, output_shapes
from posestream.engines.batches import Batch
from posestream.engines.exceptions import BackendError
from posestream.engines.spec import ModelSpec

_READ_ERRORS = (
    *(RuntimeError, GeneralFailure, InitializationFailure, NotImplementedFailure),
    *(OpConversionFailure, OpValidationFailure),
)
_MAX_STREAMS = 4  # images of one call that run in parallel


@dataclass(frozen=True, slots=True)
class _Job:
    """One image, (1, ...), and its outputs, (1, ...)."""

    image: NDArray[Any]
    outputs: tuple[NDArray[Any], ...]


class OpenVinoBackend:
    """Satisfies `Backend`. `threads` 0 means all cores.

    `cache_dir` keeps compiled networks for the next start, but only those with an input of a fixed size: the others
    would leave some 8 MB there for each image size they ever ran, and compile in half a second.
    """

    def __init__(self, spec: ModelSpec, onnx_path: Path, threads: int = 0, cache_dir: Path | None = None) -> None:
        """Raises BackendError where the file cannot be read, or is another network."""
        self.spec = spec
        self._int8 = onnx_path.suffix == ".xml"  # OpenVINO's own format, which `zoo.precision.openvino_int8` writes
        self.device = f"OpenVINO {ov.__version__.split('-')[0]}, CPU, {'int8' if self._int8 else 'f32'}"
        self._onnx_path = onnx_path
        self._threads = threads or os.cpu_count() or 1
        self._streams = min(self._threads, _MAX_STREAMS)
        self.on_gpu, self.preferred_batch = False, self._streams
        self._core = ov.Core()
        if cache_dir is not None and spec.input.size_hw is not None:
            self._core.set_property({"CACHE_DIR": str(cache_dir)})
        self._requests: dict[tuple[tuple[int, ...], int], list[ov.InferRequest]] = {}
        size_hw = spec.input.size_hw
        try:
            self._model = self._read()
        except _READ_ERRORS as error:
            raise BackendError(f"OpenVINO cannot read {onnx_path}: {_line(error)}") from error
        check_outputs(spec, onnx_path, {name for port in self._model.outputs for name in port.names})
        if size_hw is not None:
            image = (1, *spec.input.image_shape(size_hw))
            for streams in {1, self._streams if spec.batched else 1}:
                self._requests_for(image, streams)

    def output_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        return output_shapes(self.spec, images_shape)

    def run(self, batches: Sequence[Batch]) -> None:
        jobs = [job for batch in batches for job in _jobs(batch)]
        if not jobs:
            return
        try:
            self._run(jobs)
        except RuntimeError as error:
            raise BackendError(f"OpenVINO cannot run {self.spec.name}: {_line(error)}") from error

    def close(self) -> None:
        self._requests.clear()

    def _run(self, jobs: Sequence[_Job]) -> None:
        streams = 1 if len(jobs) == 1 else self._streams
        for start in range(0, len(jobs), streams):
            running = []
            for lane, job in enumerate(jobs[start : start + streams]):
                request = self._requests_for(job.image.shape, streams)[lane]
                request.set_input_tensor(_tensor(job.image))
                for output, array in zip(self.spec.outputs, job.outputs, strict=True):
                    request.set_tensor(output.name, _tensor(array))
                request.start_async()
                running.append(request)
            for request in running:
                request.wait()

    def _requests_for(self, image_shape: tuple[int, ...], streams: int) -> list[ov.InferRequest]:
        """One request per stream, for images of that shape; compiled at the first call."""
        requests = self._requests.get((image_shape, streams))
        if requests is None:
            try:
                requests = self._compiled(image_shape, streams)
            except RuntimeError as error:
                raise BackendError(f"OpenVINO cannot compile {self._onnx_path}: {_line(error)}") from error
            self._requests[image_shape, streams] = requests
        return requests

    def _read(self) -> ov.Model:
        """Reads the network by the frontend of its format: else OpenVINO tries all of them, and prints their errors."""
        frontend = FrontEndManager().load_by_framework("ir" if self._int8 else "onnx")
        return frontend.convert(frontend.load(str(self._onnx_path)))

    def _compiled(self, image_shape: tuple[int, ...], streams: int) -> list[ov.InferRequest]:
        model = self._model.clone()
        model.reshape(list(image_shape))
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": str(self._threads),
            "INFERENCE_PRECISION_HINT": "f32",
        }
        compiled = self._core.compile_model(model, "CPU", options)
        return [compiled.create_infer_request() for _ in range(streams)]


def _jobs(batch: Batch) -> Iterator[_Job]:
    for i in range(len(batch.images)):
        yield _Job(batch.images[i : i + 1], tuple(output[i : i + 1] for output in batch.outputs))


def _tensor(array: NDArray[Any]) -> ov.Tensor:
    """The memory of `array` as a tensor, without a copy; OpenVINO wants it writable though it only reads inputs."""
    if not array.flags.writeable:
        memory = (ctypes.c_byte * array.nbytes).from_address(array.ctypes.data)
        array = np.frombuffer(memoryview(memory), array.dtype).reshape(array.shape)
    return ov.Tensor(array, shared_memory=True)


def _line(error: Exception) -> str:
    """The last line of the runtime's message, which has the reason; the others are places in its sources."""
    return str(error).strip().splitlines()[-1].strip() if str(error).strip() else type(error).__name__
