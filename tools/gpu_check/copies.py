"""From a slot of a frame ring to the GPU, its pages locked and not, by cuda-bindings, pycuda, or torch alone."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.cuda.device import Device
from posestream.engines.cuda.open_device import open_device
from posestream.engines.exceptions import BackendError
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.ring import Layout, Ring
from posestream.stream.run.run_folder import open_run_dir
from tools.benchmark.figures import Goal, NotMeasuredError
from tools.benchmark.timing import in_turn
from tools.gpu_check.findings import Findings
from tools.gpu_check.unit import Bench, Unit

SLOTS = 4
SIZES = {
    "720p": Geometry(1280, 720, "bgr24"),
    "1080p": Geometry(1920, 1080, "bgr24"),
    "4K": Geometry(3840, 2160, "bgr24"),
}
HELD_TO_IT, FASTER = "1080p", Goal(">=", 2.5)
LOOK = (
    "is the GPU on a full PCIe link (nvidia-smi -q | grep -A8 'GPU Link Info'), and is memory of another socket read?"
)


def measure(bench: Bench, _unit: Unit, found: Findings) -> None:
    """One call copies one frame and waits for it. Raises NotMeasuredError."""
    device = copying(bench, max(geometry.nbytes for geometry in SIZES.values()))
    found.note(f"By {device.package}, until the frame is there.")
    with open_run_dir() as folder:
        for name, geometry in SIZES.items():
            ring = Ring.create(folder / name, Layout(SLOTS, geometry.nbytes, 0, geometry))
            for slot in range(SLOTS):
                ring.begin(slot)[:] = np.random.default_rng(slot).integers(0, 256, geometry.nbytes, np.uint8)
                ring.commit(slot, slot)
            try:
                _of_ring(bench, device, ring, name, found)
            except BackendError as error:
                found.write("missed", f"{name}, locked: {error}")
            ring.close()
    device.close()


def _of_ring(bench: Bench, device: "Copying", ring: Ring, name: str, found: Findings) -> None:
    """Raises BackendError where the pages cannot be locked."""
    turn, nbytes = 0, ring.layout.slot_bytes

    def copy() -> None:
        nonlocal turn
        turn += 1
        device.copy(ring.bytes(turn % SLOTS))

    def measured_ms(pages: str) -> float:
        times = in_turn({pages: copy}, quick=bench.quick)[pages]
        p50_ms = times["p50 ms"]
        found.row({"frame": name, "pages": pages, "MB": nbytes / 1e6, "GB/s": nbytes / p50_ms / 1e6}, times)
        return p50_ms

    pageable_ms = measured_ms("pageable")
    device.lock(ring.memory)
    locked_ms = measured_ms("locked")
    device.unlock(ring.memory)
    if name == HELD_TO_IT:
        found.goal(f"{name}: copies from locked pages are faster", pageable_ms / locked_ms, "times", FASTER, LOOK)


def copying(bench: Bench, nbytes: int = 0) -> "Copying":
    """What copies up to `nbytes` to the GPU: pycuda or cuda-bindings, as in TensorRT's runs, or else torch.

    Raises NotMeasuredError where there is none of them, or no GPU.
    """
    if bench.gpu is None:
        raise NotMeasuredError("there is no GPU")
    try:
        return _ByDriver(open_device(bench.index), nbytes)
    except ImportError as without:
        try:
            import torch
        except ImportError:
            raise NotMeasuredError(str(without)) from None
    if not torch.cuda.is_available():
        raise NotMeasuredError(f"torch {torch.__version__} sees no GPU")
    return _ByTorch(bench.index, nbytes)


class _ByDriver:
    """Copies by the package that drives TensorRT's backend."""

    def __init__(self, device: Device, nbytes: int) -> None:
        self.package = device.package
        self.lock, self.unlock = device.lock, device.unlock
        self.memory_used, self.close = device.memory_used, device.close
        self._stream, self._to = device.stream(), device.allocate(nbytes) if nbytes else 0

    def copy(self, host: NDArray[np.uint8]) -> None:
        """Copies and waits until it is there."""
        self._stream.copy_in(self._to, host)
        self._stream.wait()


class _ByTorch:
    """The same with torch alone."""

    def __init__(self, index: int, nbytes: int) -> None:
        import torch

        self.package = f"torch {torch.__version__}"
        self._torch: Any = torch
        self._device = torch.device("cuda", index)
        torch.cuda.set_device(self._device)
        self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._to = torch.empty(nbytes, dtype=torch.uint8, device=self._device)

    def copy(self, host: NDArray[np.uint8]) -> None:
        with self._torch.cuda.stream(self._stream):
            self._to[: host.size].copy_(self._torch.from_numpy(host), non_blocking=True)
        self._stream.synchronize()

    def lock(self, memory: NDArray[np.uint8]) -> None:
        self._call("cudaHostRegister", memory.ctypes.data, memory.nbytes, 0)

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        self._call("cudaHostUnregister", memory.ctypes.data)

    def memory_used(self) -> int:
        free, total = self._torch.cuda.mem_get_info(self._device)
        return int(total) - int(free)

    def close(self) -> None:
        del self._to
        self._torch.cuda.empty_cache()

    def _call(self, function: str, *arguments: int) -> None:
        """Raises BackendError where CUDA refuses."""
        runtime = self._torch.cuda.cudart()
        code = getattr(runtime, function)(*arguments)
        if code != runtime.cudaError.success:
            raise BackendError(f"{function} failed ({int(code)})")


Copying: TypeAlias = _ByDriver | _ByTorch
"""`lock` raises BackendError where that is refused; `memory_used` is in bytes, of the whole GPU, by everybody."""
