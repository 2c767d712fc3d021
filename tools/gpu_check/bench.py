"""What all parts stand on: the runtimes that are here, the networks ready on them, the time that is left."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from engines.backends.protocol import Backend, BackendError, LocksPages
from engines.backends.tensorrt import installed
from engines.cuda import device as cuda
from engines.cuda.driver import Gpu, NoGpuError, gpus
from engines.cuda.opening import open_device
from engines.gpu import OnGpu
from engines.load import Device, load
from engines.spec import ModelSpec
from engines.zoo import networks, trained
from engines.zoo.errors import ZooError
from engines.zoo.fetch import silent
from engines.zoo.forms import Precision
from tools.gpu_check.report import NotMeasuredError

BATCHES = (1, 4, 16, 64)
PERCENTILES = (50, 95, 99)
WARM_UP_CALLS, CALLS, MOST_S = 10, 300, 2.0
_Unit = TypeVar("_Unit")


class Measured(Backend, LocksPages, Protocol):
    """A backend of a GPU."""

    def alone(self, images_shape: tuple[int, ...]) -> Callable[[], None]:
        """What runs the network on images that lie on the device, and waits for it."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """`runtimes` that can be measured, the one that a run takes first; `gpu` None in a rehearsal without one.

    `quick` is a rehearsal: a call or two of everything. `folder` is for what the parts write; it goes at the end.
    """

    runtimes: Sequence[Device]
    gpu: Gpu | None
    quick: bool
    folder: Path
    ends_s: float

    @property
    def precision(self) -> Precision:
        """What is measured wherever not both are."""
        return "fp32" if self.gpu is None else "fp16"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of batches."""
        return BATCHES[:2] if self.quick else BATCHES

    def backend(
        self, spec: ModelSpec, file: Path, runtime: Device, precision: Precision, *, frames: bool = False
    ) -> Measured:
        """The network ready on the GPU for batches of all `sizes`. Raises BackendError, ZooError."""
        index = self.gpu.index if self.gpu else 0
        on_gpu = OnGpu(index, self.sizes, frames=frames, decode=frames)
        loaded: Measured = load(spec, file, runtime, precision=precision, gpu=on_gpu)  # type: ignore[assignment]
        return loaded

    def device(self) -> cuda.Device:
        """The GPU itself; its taker's to close. Raises NotMeasuredError."""
        if self.gpu is None:
            raise NotMeasuredError("there is no GPU")
        try:
            return open_device(self.gpu.index)
        except (ImportError, BackendError) as error:
            raise NotMeasuredError(str(error)) from None

    def in_time(self, units: Sequence[_Unit], notes: list[str]) -> Iterator[_Unit]:
        """The units of a part, as long as there is time; those that are left out are noted."""
        for i, unit in enumerate(units):
            if time.monotonic() > self.ends_s:
                notes.append(f"No time was left for {len(units) - i} of {len(units)} rows: ask for this part alone.")
                return
            yield unit

    def percentiles_ms(self, call: Callable[[], None]) -> list[float]:
        """p50, p95 and p99 of how long a call takes."""
        calls, warm_up = (3, 1) if self.quick else (CALLS, WARM_UP_CALLS)
        for _ in range(warm_up):
            call()
        taken_ns: list[int] = []
        until_s = time.monotonic() + MOST_S
        while len(taken_ns) < calls and (time.monotonic() < until_s or len(taken_ns) < 3):
            began_ns = time.perf_counter_ns()
            call()
            taken_ns.append(time.perf_counter_ns() - began_ns)
        return percentiles(np.array(taken_ns) / 1e6)


def percentiles(values: NDArray[np.float64]) -> list[float]:
    """p50, p95 and p99."""
    return [float(np.percentile(values, percent)) for percent in PERCENTILES]


def network_file(spec: ModelSpec) -> tuple[Path, bool]:
    """Its ONNX file, and whether its weights are trained ones: a network of the literature may have random ones.

    Raises NotMeasuredError where it cannot be had.
    """
    try:
        return networks.onnx_path(spec, silent), True
    except ZooError as error:
        if spec.fetched:
            raise NotMeasuredError(str(error)) from None
    try:
        return trained.with_random_weights(spec, silent), False
    except ZooError as error:
        raise NotMeasuredError(str(error)) from None


def look_around(index: int, *, quick: bool) -> tuple[list[Device], Gpu | None, list[str]]:
    """The runtimes that can use GPU `index`, that GPU, and in words what is there and what is missing.

    In a rehearsal without a GPU torch on the CPU will do.
    """
    said: list[str] = []
    runtimes: list[Device] = []
    gpu = None
    try:
        gpu = gpus()[index]
        said.append(f"{gpu.name}, sm_{gpu.sm}, {gpu.memory_bytes / 2**30:.0f} GiB, driver with CUDA {gpu.driver}")
    except NoGpuError as error:
        said.append(f"no GPU: {error}")
    except IndexError:
        said.append(f"no GPU {index}: the driver knows {len(gpus())}, counted from 0")
    if gpu is not None:
        try:
            found = installed.find()
            said.append(f"{found.flavour} {found.version}, by {open_device(index).package}")
            runtimes.append("tensorrt")
        except (ImportError, RuntimeError) as error:
            said.append(f"no TensorRT: {error}")
    try:
        import torch
    except ImportError:
        said.append("no torch: it is not installed")
    else:
        if torch.cuda.is_available():
            runtimes.append("torch")
            said.append(f"torch {torch.__version__}")
        elif quick and not runtimes:
            runtimes.append("torch")
            said.append(f"torch {torch.__version__}, on the CPU")
        else:
            said.append(f"torch {torch.__version__} sees no GPU")
    return runtimes, gpu, said
