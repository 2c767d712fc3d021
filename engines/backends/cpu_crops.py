"""Any backend with crops cut from frames by the CPU in front of it, for devices that cannot do that themselves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.backends.protocol import Backend, LocksPages
from posestream.engines.batches import Batch, FrameBatch
from posestream.engines.pixels import Preprocessor


class CpuCropBackend:
    """Satisfies `Backend` and `FromFrames`, and `LocksPages` where the wrapped backend does.

    Holds buffers for as many images as its largest call had.
    """

    def __init__(self, backend: Backend) -> None:
        self.spec, self.preferred_batch = backend.spec, backend.preferred_batch
        self.device, self.on_gpu = backend.device, backend.on_gpu
        self.decodes = False
        self._backend = backend
        self._preprocessor = Preprocessor(backend.spec.input)
        self._buffers: list[NDArray[np.uint8]] = []

    def output_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        return self._backend.output_shapes(images_shape)

    def frame_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        return self._backend.output_shapes(images_shape)

    def run(self, batches: Sequence[Batch]) -> None:
        self._backend.run(batches)

    def run_frames(self, batches: Sequence[FrameBatch]) -> None:
        self._backend.run([Batch(self._crops(i, batch), batch.outputs) for i, batch in enumerate(batches)])

    def lock(self, memory: NDArray[np.uint8]) -> None:
        if isinstance(self._backend, LocksPages):
            self._backend.lock(memory)

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        if isinstance(self._backend, LocksPages):
            self._backend.unlock(memory)

    def close(self) -> None:
        self._backend.close()

    def _crops(self, number: int, batch: FrameBatch) -> NDArray[Any]:
        spec = self.spec.input
        images = self._buffer(number, (len(batch.regions), *spec.image_shape(batch.size_hw)))
        for region, image in zip(batch.regions, images, strict=True):
            self._preprocessor(batch.picture, batch.pixel_format, region, image)
        return images

    def _buffer(self, number: int, shape: tuple[int, ...]) -> NDArray[Any]:
        """Memory for the images of batch `number` of a call, uninitialised."""
        nbytes = int(np.prod(shape)) * np.dtype(self.spec.input.tensor.dtype).itemsize
        if number == len(self._buffers):
            self._buffers.append(np.empty(nbytes, np.uint8))
        if self._buffers[number].nbytes < nbytes:
            self._buffers[number] = np.empty(nbytes, np.uint8)
        return self._buffers[number][:nbytes].view(self.spec.input.tensor.dtype).reshape(shape)
