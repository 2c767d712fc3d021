"""TensorRT on a GPU: for each batch size a context, memory and CUDA graphs, all made at the start.

Images of one call, of however many cameras, are packed into buckets of the engine's batch sizes. A call allocates
nothing and sets no shapes. It enqueues copies and graph launches on one stream, and waits for that stream once:

    host      enqueue bucket 1, bucket 2, ... ──▶ wait ──────────────────────────────────────────▶ return
    stream      images in ─▶ graph 1 ─▶ outputs out ─▶ images in ─▶ graph 2 ─▶ outputs out ─▶ ...
    buffers   in use by the stream ──────────────────────────────────────────────────────────────▶ the caller's again

With frames instead of images (`run_frames`) the graph also cuts the crops and, where it can, decodes keypoints:

    stream      frames in ─▶ crop rows in ─▶ graph 1: crop, infer, decode ─▶ keypoints out ─▶ crop rows in ─▶ ...

What changes from frame to frame (addresses, sizes, maps) lies in the crop rows in device memory: the graph stays valid.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.backends.batch_sizes import BucketCache, BucketRun, bucket_runs, run_in_buckets, synchronised
from posestream.engines.backends.protocol import output_shapes
from posestream.engines.backends.tensorrt.api import TensorRT
from posestream.engines.backends.tensorrt.engine import Engine
from posestream.engines.backends.tensorrt.engine_bucket import EngineBucket
from posestream.engines.batches import Batch, FrameBatch
from posestream.engines.cuda.crops import crop_rows, padding_rows
from posestream.engines.cuda.device import Address, Device, closing_on_error
from posestream.engines.cuda.frames import FrameKernels, FrameMemory
from posestream.engines.progress import Progress, no_progress
from posestream.engines.spec import ModelSpec


class TensorRTBackend:
    """Satisfies `Backend` and `LocksPages`, and with `frames` also `FromFrames`.

    With `decode` it also decodes keypoints, if a kernel exists for the network's codec. `device` is shared by the
    networks of a run, and closed by its owner.
    """

    def __init__(
        self,
        spec: ModelSpec,
        trt: TensorRT,
        content: bytes,
        device: Device,
        *,
        precision: str = "fp32",
        frames: bool = False,
        decode: bool = False,
        runtime_cache: bytes = b"",
        progress: Progress = no_progress,
    ) -> None:
        """`content` is a serialized engine; `runtime_cache`: bytes returned earlier by `runtime_cache` for it.

        `progress` is called before each batch size: RTX compiles for seconds here. Raises ForeignEngineError where the
        engine is of another device or network, TensorRTError, NoRoomError or DeviceLostError where a call fails.
        """
        self.spec = spec
        self._device, self._stream = device, device.stream()
        self._engine = Engine(trt, content, spec, device, runtime_cache)
        self._sizes = self._engine.batch_sizes()
        self.on_gpu, self.preferred_batch = True, self._sizes[-1]
        self._from_frames, self._frames = frames, FrameMemory(device)
        self._kernels: FrameKernels | None = None
        self._buckets = BucketCache(self._make, self._drop, evict=spec.input.size_hw is None)
        with closing_on_error(self.close):
            if frames or self._engine.input_dtype != spec.input.tensor.dtype:
                self._kernels = FrameKernels(spec, self._engine.input_dtype, device, decode=decode)
            for i, shape in enumerate(self._fixed_shapes()):
                progress("getting ready", i / len(self._sizes))
                self._buckets.get(shape)
        self.decodes = bool(frames and self._kernels and self._kernels.decoder)
        graph = next((bucket.kind for bucket in self._buckets), "CUDA graph")
        self.device = f"{trt.flavour} {trt.version}, {device.gpu.name}, {precision}, {graph}"

    def output_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        return output_shapes(self.spec, images_shape)

    def run(self, batches: Sequence[Batch]) -> None:
        with synchronised(self._stream.wait):
            run_in_buckets(self._buckets.get, self._sizes, batches)

    def frame_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        if not self.decodes or self._kernels is None or self._kernels.decoder is None:
            return self.output_shapes(images_shape)
        return ((images_shape[0], self._kernels.decoder.joints, 3),)

    def run_frames(self, batches: Sequence[FrameBatch]) -> None:
        sources: list[NDArray[Any]] = []  # what the stream copies from; released after the wait
        counts = [len(batch.regions) for batch in batches]
        image_shapes = [self.spec.input.image_shape(batch.size_hw) for batch in batches]
        with synchronised(self._stream.wait):
            addresses = self._frames.upload(self._stream, [batch.picture for batch in batches])
            rows = _rows_by_batch(batches, addresses)
            for run in bucket_runs(counts, image_shapes, self._sizes):
                bucket = self._buckets.get(run.shape)
                sources.append(_bucket_rows(run, rows))
                bucket.put_crops(sources[-1])
                bucket.run_frames()
                for part in run.parts:
                    for number, array in enumerate(batches[part.batch].outputs):
                        bucket.take(number, part.at, array[part.start : part.stop], keypoints=self.decodes)

    def inference_only(self, images_shape: tuple[int, ...]) -> Callable[[], None]:
        """A call that runs the network on the images already in the bucket for that shape, without copies, and waits.

        For measuring. The shape is one that the backend has a bucket for.
        """
        bucket = self._buckets.get(images_shape)

        def run() -> None:
            bucket.run()
            self._stream.wait()

        return run

    def runtime_cache(self) -> bytes:
        """The kernels that RTX has compiled, to skip that at the next start; empty where it compiled none."""
        return self._engine.runtime_cache()

    def lock(self, memory: NDArray[np.uint8]) -> None:
        self._device.lock(memory)

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        self._device.unlock(memory)

    def close(self) -> None:
        self._buckets.clear()
        self._frames.close()
        if self._kernels is not None:
            self._kernels.close()
        self._engine.close()

    def _fixed_shapes(self) -> list[tuple[int, ...]]:
        """Of the images of each batch size; empty where their height and width follow the frame."""
        size_hw = self.spec.input.size_hw
        return [] if size_hw is None else [(size, *self.spec.input.image_shape(size_hw)) for size in self._sizes]

    def _make(self, shape: tuple[int, ...]) -> EngineBucket:
        return EngineBucket(
            self.spec, shape, self._engine, self._kernels, self._device, self._stream, frames=self._from_frames
        )

    def _drop(self, bucket: EngineBucket) -> None:
        self._stream.wait()
        bucket.close()


def _rows_by_batch(batches: Sequence[FrameBatch], addresses: Sequence[Address]) -> list[NDArray[np.void]]:
    """The crop rows of each batch. Those of images of one size are computed together: numpy's cost is per call."""
    rows: list[NDArray[np.void]] = [padding_rows(0)] * len(batches)
    for size_hw in dict.fromkeys(batch.size_hw for batch in batches):
        alike = [i for i, batch in enumerate(batches) if batch.size_hw == size_hw]
        together = crop_rows([batches[i] for i in alike], [addresses[i] for i in alike])
        ends = np.cumsum([len(batches[i].regions) for i in alike])
        for i, own in zip(alike, np.split(together, ends[:-1]), strict=True):
            rows[i] = own
    return rows


def _bucket_rows(run: BucketRun, rows: Sequence[NDArray[np.void]]) -> NDArray[np.void]:
    """The crop rows of one run of a bucket, (N,), with padding behind its parts."""
    parts = [rows[part.batch][part.start : part.stop] for part in run.parts]
    return np.concatenate([*parts, padding_rows(run.shape[0] - sum(map(len, parts)))])
