"""TensorRT on a GPU: one context, one piece of memory and one CUDA graph for each size of batch, all made at start.

Images of a call, of however many cameras, fill buckets of the sizes that the engine was built for. In a call nothing is
allocated and no shape is set: copies go in, a graph is launched, copies come out, all on one stream, and the call waits
for it once, at its end. Until then nobody lets go of what is copied.

With frames instead of images the graph also cuts the crops and, where it can, finds the joints: pixels go in, keypoints
come out. Everything that changes from frame to frame lies in a row of a buffer, so that the graph stays the same.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.backends.batch_sizes import (
    Buckets,
    bucket_for,
    by_size,
    count_of,
    filled,
    run_in_buckets,
    waiting,
)
from posestream.engines.backends.protocol import output_shapes
from posestream.engines.backends.tensorrt.api import TensorRT
from posestream.engines.backends.tensorrt.engine import Engine
from posestream.engines.backends.tensorrt.engine_bucket import EngineBucket
from posestream.engines.batches import Batch, FrameBatch
from posestream.engines.cuda.crops import crop_rows, padding_rows
from posestream.engines.cuda.device import Device, freeing
from posestream.engines.cuda.frames import FrameKernels, FrameMemory
from posestream.engines.progress import Progress, no_progress
from posestream.engines.spec import ModelSpec


class TensorRTBackend:
    """Satisfies `Backend` and `LocksPages`, and with `frames` also `FromFrames`.

    With `decode` it also finds the joints, where there is a kernel for the network's codec. `device` is shared by the
    networks of a run, and its owner's to close.
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
        compiled: bytes = b"",
        progress: Progress = no_progress,
    ) -> None:
        """`content` is a serialized engine, `compiled` what `compiled` gave for it before.

        `progress` hears how far it is ready: RTX compiles now, for seconds.

        Raises ForeignEngineError where it is none for this device, or of another network; TensorRTError, NoRoomError,
        DeviceLostError.
        """
        self.spec = spec
        self._device, self._stream = device, device.stream()
        self._engine = Engine(trt, content, spec, device, compiled)
        self._sizes = self._engine.batches()
        self.on_gpu, self.preferred_batch = True, self._sizes[-1]
        self._cuts, self._frames = frames, FrameMemory(device)
        self._kernels: FrameKernels | None = None
        self._buckets = Buckets(self._make, self._drop, follow=spec.input.size_hw is None)
        with freeing(self.close):
            if frames or self._engine.input_dtype != spec.input.tensor.dtype:
                self._kernels = FrameKernels(spec, self._engine.input_dtype, device, decode=decode)
            for i, shape in enumerate(self._known_shapes()):
                progress("getting ready", i / len(self._sizes))
                self._buckets.of(shape)
        self.decodes = bool(frames and self._kernels and self._kernels.decoder)
        graph = next((bucket.kind for bucket in self._buckets), "CUDA graph")
        self.device = f"{trt.flavour} {trt.version}, {device.gpu.name}, {precision}, {graph}"

    def output_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        return output_shapes(self.spec, images_shape)

    def run(self, batches: Sequence[Batch]) -> None:
        with waiting(self._stream.wait):
            run_in_buckets(self._buckets.of, self._sizes, batches)

    def frame_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        if not self.decodes or self._kernels is None or self._kernels.decoder is None:
            return self.output_shapes(images_shape)
        return ((images_shape[0], self._kernels.decoder.joints, 3),)

    def run_frames(self, batches: Sequence[FrameBatch]) -> None:
        copied: list[NDArray[Any]] = []  # rows that the stream may not have copied yet
        with waiting(self._stream.wait):
            addresses = self._frames.upload(self._stream, [batch.picture for batch in batches])
            for size_hw, alike in by_size(range(len(batches)), [batch.size_hw for batch in batches]):
                shown = [batches[i] for i in alike]
                rows = crop_rows(shown, [addresses[i] for i in alike])
                for parts in filled([len(batch.regions) for batch in shown], self._sizes[-1]):
                    count = count_of(parts)
                    size = bucket_for(count, self._sizes)
                    bucket = self._buckets.of((size, *self.spec.input.image_shape((size_hw[0], size_hw[1]))))
                    copied.append(np.concatenate([rows[:count], padding_rows(size - count)]))
                    rows = rows[count:]
                    bucket.put_crops(copied[-1])
                    bucket.run_frames()
                    for part in parts:
                        for number, array in enumerate(shown[part.batch].outputs):
                            bucket.take(number, part.at, array[part.start : part.stop], keypoints=self.decodes)

    def inference_only(self, images_shape: tuple[int, ...]) -> Callable[[], None]:
        """What runs the network on images of that shape that lie there already, and waits: a call without its copies.

        For measuring. It is a shape that the backend is ready for.
        """
        bucket = self._buckets.of(images_shape)

        def run() -> None:
            bucket.run()
            self._stream.wait()

        return run

    def compiled(self) -> bytes:
        """What was compiled to make it ready, which saves that the next time; empty where nothing was."""
        return self._engine.compiled()

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

    def _known_shapes(self) -> list[tuple[int, ...]]:
        """Of the images of each size of batch; none where their height and width follow the frame's."""
        size_hw = self.spec.input.size_hw
        return [] if size_hw is None else [(size, *self.spec.input.image_shape(size_hw)) for size in self._sizes]

    def _make(self, shape: tuple[int, ...]) -> EngineBucket:
        return EngineBucket(
            self.spec, shape, self._engine, self._kernels, self._device, self._stream, frames=self._cuts
        )

    def _drop(self, bucket: EngineBucket) -> None:
        self._stream.wait()
        bucket.close()
