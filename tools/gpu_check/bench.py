"""What all parts stand on: the runtimes and the GPU that are here, networks ready on them, the time that is left."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from posestream.engines.backends.gpu_options import GpuOptions
from posestream.engines.backends.load import DeviceName, load
from posestream.engines.backends.protocol import Backend, LocksPages
from posestream.engines.cuda.driver import Gpu
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.precision.selection import Precision
from tools.gpu_check import weights

BATCHES = (1, 4, 16, 64)


class Measured(Backend, LocksPages, Protocol):
    """A backend of a GPU."""

    def inference_only(self, images_shape: tuple[int, ...]) -> Callable[[], None]:
        """What runs the network on images that lie on the device, and waits for it."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """What every unit is told, in a process of its own.

    `gpu` is None in a rehearsal without one. `quick` is a rehearsal: a call or two of everything. `folder` is for what
    the parts write; it goes at the end. `images` is a folder of the user's photographs, or "".
    """

    gpu: Gpu | None
    quick: bool
    folder: str
    images: str = ""
    ends_s: float = 0.0

    @property
    def precision(self) -> Precision:
        """What is measured wherever not both are."""
        return "fp32" if self.gpu is None else "fp16"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of batches."""
        return BATCHES[:2] if self.quick else BATCHES

    @property
    def index(self) -> int:
        """The GPU's number."""
        return self.gpu.index if self.gpu else 0

    @property
    def left_s(self) -> float:
        """Seconds until the unit's time is up."""
        return self.ends_s - time.monotonic()

    def path(self, name: str) -> Path:
        """A file that units leave for one another."""
        return Path(self.folder) / name

    def backend(self, network: str, runtime: DeviceName, precision: Precision, *, frames: bool = False) -> Measured:
        """The network on the GPU, ready for batches of all `sizes`. Raises NotMeasuredError or a PosestreamError."""
        on_gpu = GpuOptions(self.index, self.sizes, frames=frames, decode=frames)
        file = weights.of(network).file
        loaded: Measured = load(find(network), file, runtime, precision=precision, gpu=on_gpu)  # type: ignore[assignment]
        return loaded


def image_shape(spec: ModelSpec, count: int) -> tuple[int, ...]:
    """Of so many images for a network that takes images of one size."""
    assert spec.input.size_hw is not None, f"{spec.name} has an input of any size"
    return (count, *spec.input.image_shape(spec.input.size_hw))
