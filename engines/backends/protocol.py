"""The interface of all runtimes: a loaded network that fills the outputs of batches in place."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from posestream.engines.batches import Batch, FrameBatch
from posestream.engines.exceptions import BackendError
from posestream.engines.spec import ModelSpec


class Backend(Protocol):
    """A network loaded on one device. Not thread-safe."""

    spec: ModelSpec
    device: str
    """Runtime, version, device and precision, for people: "OpenVINO 2026.4.1, CPU, f32"."""

    on_gpu: bool
    """True on a GPU, which may fail on its own or be removed."""

    preferred_batch: int
    """Up to how many batches run faster in one `run` than one by one; 1 where none do."""

    def output_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        """Shapes of the outputs for images of that shape; the caller allocates them."""
        ...

    def run(self, batches: Sequence[Batch]) -> None:
        """Runs all batches and fills their outputs; the backend groups them as it likes.

        Raises BackendError where the runtime fails.
        """
        ...

    def close(self) -> None:
        """Frees the device."""
        ...


@runtime_checkable
class FromFrames(Protocol):
    """A backend that cuts regions from frames on its device, so that only pixels are copied to it."""

    decodes: bool
    """True where it also decodes keypoints, so that only these are copied back: (N, K, 3) float32, x and y in frame
    pixels and the score, for `engines.codecs.codec.Codec`s that are `FromKeypoints`."""

    def frame_shapes(self, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        """Shapes of the outputs of `run_frames` for regions that become images of that shape."""
        ...

    def run_frames(self, batches: Sequence[FrameBatch]) -> None:
        """Cuts the regions of all batches, runs them and fills their outputs. Raises BackendError."""
        ...


@runtime_checkable
class LocksPages(Protocol):
    """A backend whose device copies faster from page-locked memory."""

    def lock(self, memory: NDArray[np.uint8]) -> None:
        """Page-locks `memory`, which is writable and whole pages long. Raises BackendError where that is refused."""
        ...

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        """Undoes `lock`, before the memory is unmapped."""
        ...


def output_shapes(spec: ModelSpec, images_shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Shapes of the outputs of `spec` for images of that shape, without a runtime."""
    height, width = spec.input.image_hw(images_shape)
    shapes = []
    for output in spec.outputs:
        sides = iter((height // output.stride, width // output.stride))
        shapes.append((images_shape[0], *(next(sides) if n is None else n for n in output.shape[1:])))
    return tuple(shapes)


def check_outputs(spec: ModelSpec, onnx_path: Path, names: Collection[str]) -> None:
    """Raises BackendError where the file's outputs, `names`, lack one of `spec`: it is another network."""
    if missing := [output.name for output in spec.outputs if output.name not in names]:
        raise BackendError(f"{onnx_path} is not {spec.name}: it has no output {missing[0]!r}")
