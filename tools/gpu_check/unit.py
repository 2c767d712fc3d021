"""A unit of the check, and what the process that measures it is told."""

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
from tools.gpu_check import weight_files

BATCHES = (1, 4, 16, 64)
ON_CPU = {"auto": "", "onnx": " on the CPU", "cpu": " on the CPU"}  # "auto": no runtime matters


@dataclass(frozen=True, slots=True)
class Unit:
    """One measurement of `part`: a network on a runtime in a precision, as far as these matter; `case` is what varies.

    `needs` are units that must have succeeded before it, `gives` names what those that need this one get of it.
    `usual_s` is how long it takes on an H200-class machine: without that much time left it is not begun.
    """

    part: str
    runtime: DeviceName = "auto"
    network: str = ""
    precision: Precision = "fp32"
    case: str = ""
    needs: tuple["Unit", ...] = ()
    gives: str = ""
    usual_s: float = 10.0

    @property
    def name(self) -> str:
        """For people: "movenet-thunder on tensorrt, fp16"."""
        if not self.network:
            return self.case or self.part
        if self.runtime in ON_CPU:
            return f"{self.network}{ON_CPU[self.runtime]}"
        return f"{self.network} on {self.runtime}, {self.precision}{f', {self.case}' if self.case else ''}"


class GpuBackend(Backend, LocksPages, Protocol):
    """A backend of a GPU."""

    def inference_only(self, images_shape: tuple[int, ...]) -> Callable[[], None]:
        """What runs the network on images that lie on the device, and waits for it."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """What every unit is told.

    `gpu` is None in a rehearsal without one. `quick` is a rehearsal: a call or two of everything. `folder` is for the
    files that units leave for one another; it goes at the end. `images` is a folder of the user's photographs, or "".
    `ends_s` is when the unit's time is up, on the monotonic clock.
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
        """A file in the folder."""
        return Path(self.folder) / name

    def backend(self, unit: Unit, *, frames: bool = False) -> GpuBackend:
        """The unit's network on the GPU, ready for batches of all `sizes`.

        Raises NotMeasuredError, BackendError, WeightsError or ImportError.
        """
        options = GpuOptions(self.index, self.sizes, frames=frames, decode=frames)
        file = weight_files.of(unit.network).file
        loaded: GpuBackend = load(  # type: ignore[assignment]
            find(unit.network), file, unit.runtime, precision=unit.precision, gpu=options
        )
        return loaded


def image_shape(spec: ModelSpec, count: int) -> tuple[int, ...]:
    """Of so many images for a network that takes images of one size."""
    assert spec.input.size_hw is not None, f"{spec.name} has an input of any size"
    return (count, *spec.input.image_shape(spec.input.size_hw))
