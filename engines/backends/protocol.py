"""The one interface to a runtime: a loaded network that turns batches into outputs, in place."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from posestream.engines.batches import Batch, FrameBatch
from posestream.engines.spec import ModelSpec


class Backend(Protocol):
    """A network ready to run on one device. Not thread-safe."""

    spec: ModelSpec
    device: str
    """What runs it, for people to read: "OpenVINO 2026.4.1, CPU, f32"."""

    on_gpu: bool
    """True where that is a GPU, which may fail by itself, or be taken away."""

    preferred_batch: int
    """How many batches one `run` gains from: 1 where it takes as long as running them one by one."""

    def output_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        """Shapes of the outputs for images of that shape, so that the caller can make room for them."""
        ...

    def run(self, batches: Sequence[Batch]) -> None:
        """Runs all batches and fills their outputs. How they are grouped is the backend's own affair.

        Raises BackendError when the runtime fails.
        """
        ...

    def close(self) -> None:
        """Frees the device."""
        ...


@runtime_checkable
class FromFrames(Protocol):
    """What a backend has that cuts regions out of frames itself: then only pixels go to the device."""

    decodes: bool
    """True where it also finds the joints: then only keypoints come from the device, (N, K, 3) float32, x and y in
    frame pixels and the score, for `engines.codecs.codec.Codec`s that are `FromKeypoints`."""

    def frame_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        """Shapes of the outputs for regions that make images of that shape."""
        ...

    def run_frames(self, batches: Sequence[FrameBatch]) -> None:
        """Cuts the regions of all batches, runs them and fills their outputs. Raises BackendError."""
        ...


@runtime_checkable
class LocksPages(Protocol):
    """What a backend has whose device copies faster from memory that cannot be paged out."""

    def lock(self, memory: NDArray[np.uint8]) -> None:
        """Locks the pages of `memory`, writable and whole pages long. Raises BackendError where it is refused."""
        ...

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        """Undoes `lock`, before the memory is unmapped."""
        ...


def output_shapes(spec: ModelSpec, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Shapes of the outputs of `spec` for images of that shape, without a runtime."""
    height, width = spec.input.image_hw(images_shape)
    found = []
    for output in spec.outputs:
        sides = iter((height // output.stride, width // output.stride))
        found.append((images_shape[0], *(next(sides) if n is None else n for n in output.shape[1:])))
    return tuple(found)
