"""ONNX Runtime on CPUs: the second CPU runtime, and the reference that tests compare the others with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from posestream.engines.backends.protocol import check_outputs, output_shapes
from posestream.engines.batches import Batch
from posestream.engines.exceptions import BackendError
from posestream.engines.spec import ModelSpec

# ONNX Runtime's exceptions have no common base class.
_ERRORS = tuple(e for e in vars(ort_errors).values() if isinstance(e, type) and issubclass(e, Exception))


class OnnxBackend:
    """Satisfies `Backend`. `threads` 0 means all cores."""

    def __init__(self, spec: ModelSpec, onnx_path: Path, threads: int = 0) -> None:
        """Raises BackendError where the file cannot be read, or is another network."""
        self.spec = spec
        self.device = f"ONNX Runtime {ort.__version__}, CPU, f32"
        self.on_gpu, self.preferred_batch = False, 1
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry(
            "session.intra_op.allow_spinning", "0"
        )  # spinning threads of two sessions would block each other
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(onnx_path), options, providers=["CPUExecutionProvider"])
        except _ERRORS as error:
            raise BackendError(f"ONNX Runtime cannot read {onnx_path}: {_line(error)}") from error
        check_outputs(spec, onnx_path, {output.name for output in self._session.get_outputs()})
        self._input = self._session.get_inputs()[0].name

    def output_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        return output_shapes(self.spec, images_shape)

    def run(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            step = max(1, len(batch.images)) if self.spec.batched else 1
            for i in range(0, len(batch.images), step):
                self._run(batch.images[i : i + step], [output[i : i + step] for output in batch.outputs])

    def close(self) -> None:
        del self._session

    def _run(self, images: NDArray[Any], outputs: Sequence[NDArray[Any]]) -> None:
        binding = self._session.io_binding()
        _bind(binding.bind_input, self._input, images)
        for spec, array in zip(self.spec.outputs, outputs, strict=True):
            _bind(binding.bind_output, spec.name, array)
        try:
            self._session.run_with_iobinding(binding)
        except _ERRORS as error:
            raise BackendError(f"ONNX Runtime cannot run {self.spec.name}: {_line(error)}") from error


def _bind(bind: Any, name: str, array: NDArray[Any]) -> None:
    """Binds the array's memory, which the runtime then reads or writes in place."""
    bind(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)


def _line(error: Exception) -> str:
    """The runtime's message in one line, without its error code."""
    return " ".join(str(error).split(" : ")[-1].split())
