"""Any backend, with crops cut out of frames on the CPU in front of it: what a device does that can."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.backends.protocol import Backend, LocksPages
from posestream.engines.batches import Batch, FrameBatch
from posestream.engines.pixels import Preprocessor


class CpuCropBackend:
    """Satisfies `Backend` and `FromFrames`, and `LocksPages` for a backend that does.

    Keeps memory for as many images as a call ever had.
    """

    def __init__(self, backend: Backend) -> None:
        self.spec, self.preferred_batch = backend.spec, backend.preferred_batch
        self.device, self.on_gpu = backend.device, backend.on_gpu
        self.decodes = False
        self._backend = backend
        self._preprocessor = Preprocessor(backend.spec.input)
        self._room: list[NDArray[np.uint8]] = []

    def output_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        return self._backend.output_shapes(images_shape)

    def frame_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        return self._backend.output_shapes(images_shape)

    def run(self, batches: Sequence[Batch]) -> None:
        self._backend.run(batches)

    def run_frames(self, batches: Sequence[FrameBatch]) -> None:
        self._backend.run([Batch(self._cut(i, batch), batch.outputs) for i, batch in enumerate(batches)])

    def lock(self, memory: NDArray[np.uint8]) -> None:
        if isinstance(self._backend, LocksPages):
            self._backend.lock(memory)

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        if isinstance(self._backend, LocksPages):
            self._backend.unlock(memory)

    def close(self) -> None:
        self._backend.close()

    def _cut(self, number: int, batch: FrameBatch) -> NDArray[Any]:
        spec = self.spec.input
        images = self._images(number, (len(batch.regions), *spec.image_shape(batch.size_hw)))
        for region, image in zip(batch.regions, images, strict=True):
            self._preprocessor(batch.picture, batch.pixel_format, region, image)
        return images

    def _images(self, number: int, shape: tuple[int, ...]) -> NDArray[Any]:
        """Memory for the images of batch `number` of a call; its content is whatever was there."""
        nbytes = int(np.prod(shape)) * np.dtype(self.spec.input.tensor.dtype).itemsize
        if number == len(self._room):
            self._room.append(np.empty(nbytes, np.uint8))
        if self._room[number].nbytes < nbytes:
            self._room[number] = np.empty(nbytes, np.uint8)
        return self._room[number][:nbytes].view(self.spec.input.tensor.dtype).reshape(shape)
