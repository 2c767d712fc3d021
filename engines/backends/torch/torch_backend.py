"""torch on a GPU, for those without TensorRT: fp16, channels-last memory, and one CUDA graph per batch size.

Without a GPU it runs on the CPU, more slowly than the CPU runtimes, and logs that. Networks are read from ONNX, as by
every other runtime, so that all give the same poses.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from posestream.engines.backends.batch_sizes import BucketCache, run_in_buckets, synchronised
from posestream.engines.backends.protocol import check_outputs, output_shapes
from posestream.engines.backends.torch import nodes
from posestream.engines.backends.torch.graph_bucket import GraphBucket
from posestream.engines.backends.torch.program import TorchNetwork, UnknownOperatorError
from posestream.engines.batches import Batch
from posestream.engines.exceptions import BackendError, DeviceLostError, NoRoomError
from posestream.engines.progress import Progress, no_progress
from posestream.engines.spec import ModelSpec

log = logging.getLogger(__name__)


class TorchBackend:
    """Satisfies `Backend` and `LocksPages`. `batches` are the batch sizes to prepare buckets for."""

    def __init__(
        self,
        spec: ModelSpec,
        onnx_path: Path,
        *,
        precision: str = "fp32",
        batches: Sequence[int] = (1,),
        gpu: int = 0,
        threads: int = 0,
        progress: Progress = no_progress,
    ) -> None:
        """`gpu` is a GPU's number; `threads` of the CPU, 0 means all cores. `progress` is called per batch size.

        Raises BackendError where the file cannot be read, is another network, or has an operator that the table lacks;
        NoRoomError where the device is out of memory, DeviceLostError where it fails.
        """
        self.spec = spec
        self._device = _device(gpu)
        self.on_gpu = self._device.type == "cuda"
        if not self.on_gpu and threads:
            torch.set_num_threads(threads)
        self._stream: torch.cuda.Stream | None = None
        if self.on_gpu:
            with self._working("load"):
                torch.cuda.set_device(self._device)  # else leaving our stream creates a context on GPU 0 too
                _keep_fp32_exact()
                self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._sizes = sorted(set(batches)) if spec.batched else [1]
        self.preferred_batch = self._sizes[-1] if self.on_gpu else 1
        self._buckets = BucketCache(self._make, lambda _: self._wait(), evict=spec.input.size_hw is None)
        with self._working("load"):
            self._network = self._read(onnx_path)
            if self.on_gpu and spec.input.size_hw is not None:
                for i, size in enumerate(self._sizes):
                    progress("getting ready", i / len(self._sizes))
                    self._buckets.get((size, *spec.input.image_shape(spec.input.size_hw)))
        graph = next((bucket.kind for bucket in self._buckets), "CUDA graph")
        where = (
            f"{torch.cuda.get_device_name(self._device)}, {precision}, {graph}" if self.on_gpu else f"CPU, {precision}"
        )
        self.device = f"torch {torch.__version__}, {where}"

    def output_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        return output_shapes(self.spec, images_shape)

    def run(self, batches: Sequence[Batch]) -> None:
        with self._working("run"), synchronised(self._wait):
            run_in_buckets(self._buckets.get, self._sizes, batches)

    def inference_only(self, images_shape: tuple[int, ...]) -> Callable[[], None]:
        """A call that runs the network on the images already in the bucket for that shape, without copies, and waits.

        For measuring. The shape is one that the backend has a bucket for.
        """
        with self._working("load"):
            bucket = self._buckets.get(images_shape)

        def run() -> None:
            with self._working("run"):
                bucket.run()
                self._wait()

        return run

    def lock(self, memory: NDArray[np.uint8]) -> None:
        if self.on_gpu:
            try:
                self._cudart("cudaHostRegister", memory.ctypes.data, memory.nbytes, 0)
            except BackendError:
                # The CUDA runtime keeps the error for the next kernel, which would seem to have failed.
                with suppress(torch.AcceleratorError):
                    torch.zeros(1, device=self._device)
                raise

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        if self.on_gpu:
            self._cudart("cudaHostUnregister", memory.ctypes.data)

    def close(self) -> None:
        self._buckets.clear()
        del self._network
        if self.on_gpu:
            torch.cuda.empty_cache()

    def _read(self, onnx_path: Path) -> TorchNetwork:
        try:
            graph = nodes.read(onnx_path)
        except ValueError as error:
            raise BackendError(f"torch cannot read {onnx_path}: {error}") from None
        check_outputs(self.spec, onnx_path, graph.outputs)
        try:
            return TorchNetwork(graph, self._device)
        except UnknownOperatorError as error:
            raise BackendError(f"torch cannot run {self.spec.name}: {error}") from None

    def _make(self, shape: tuple[int, ...]) -> GraphBucket:
        try:
            return GraphBucket(self.spec, shape, self._network, self._device, self._stream)
        except torch.OutOfMemoryError as error:
            raise NoRoomError(f"torch cannot run {self.spec.name}: {_line(error)}") from error

    def _wait(self) -> None:
        if self._stream is not None:
            self._stream.synchronize()

    @contextmanager
    def _working(self, to: str) -> Iterator[None]:
        """Runs torch without gradients, on our stream; its errors become BackendErrors, "torch cannot <to> …"."""
        try:
            with torch.inference_mode(), torch.cuda.stream(self._stream):
                yield
        except torch.OutOfMemoryError as error:
            raise NoRoomError(f"torch cannot {to} {self.spec.name}: {_line(error)}") from error
        except torch.AcceleratorError as error:
            raise DeviceLostError(f"torch cannot {to} {self.spec.name}: {_line(error)}") from error
        except (RuntimeError, NotImplementedError) as error:
            if isinstance(error, BackendError):
                raise
            raise BackendError(f"torch cannot {to} {self.spec.name}: {_line(error)}") from error

    def _cudart(self, function: str, *arguments: Any) -> None:
        with torch.cuda.device(self._device):
            code = getattr(torch.cuda.cudart(), function)(*arguments)  # type: ignore[no-untyped-call]
        if int(code):
            raise BackendError(f"{function} failed ({int(code)})")


def _device(gpu: int) -> torch.device:
    if not torch.cuda.is_available():
        log.warning(
            'torch %s sees no GPU: networks run on the CPU, slower than with run.device = "cpu"', torch.__version__
        )
        return torch.device("cpu")
    if gpu >= torch.cuda.device_count():
        raise BackendError(f"there is no GPU {gpu}: torch knows {torch.cuda.device_count()}, counted from 0")
    return torch.device("cuda", gpu)


def _keep_fp32_exact() -> None:
    """Settings of the whole process: fp32 without TF32, and cuDNN's algorithms tuned once per shape.

    The newer `torch.backends.fp32_precision` leaves convolutions in TF32 in torch 2.9, and breaks the exporter of 2.13.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.benchmark = True


def _line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
