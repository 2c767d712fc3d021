"""The device by pycuda. It has no graphs: `engines.cuda.cuda_graph` captures them on its streams' handles."""

import atexit
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pycuda
import pycuda.driver as drv
from numpy.typing import NDArray

from posestream.engines.cuda.device import Address, Extent, no_room
from posestream.engines.cuda.driver import Gpu, lock_pages, unlock_pages
from posestream.engines.exceptions import DeviceLostError, DriverError, LockRefusedError

_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING, for which pycuda has no name


@contextmanager
def _lost_on_error() -> Iterator[None]:
    """Turns pycuda's errors into DeviceLostError."""
    try:
        yield
    except drv.Error as error:
        raise DeviceLostError(f"CUDA: {error}") from error


class PyCudaEvent:
    """Satisfies `Event`."""

    def __init__(self) -> None:
        self._event = drv.Event()

    def record(self, stream: Any) -> None:
        with _lost_on_error():
            self._event.record(stream.own)

    def since_ms(self, earlier: Any) -> float:
        with _lost_on_error():
            self._event.synchronize()
            return float(earlier._event.time_till(self._event))


class PyCudaStream:
    """Satisfies `Stream`."""

    def __init__(self) -> None:
        with _lost_on_error():
            self.own = drv.Stream(_NON_BLOCKING)
        self.handle = int(self.own.handle)

    def copy_in(self, to: Address, host: NDArray[Any]) -> None:
        with _lost_on_error():
            drv.memcpy_htod_async(to, host, self.own)

    def copy_out(self, host: NDArray[Any], source: Address) -> None:
        with _lost_on_error():
            drv.memcpy_dtoh_async(host, source, self.own)

    def launch(self, kernel: Any, grid: Extent, block: Extent, arguments: Sequence[Address | np.uint64]) -> None:
        with _lost_on_error():
            kernel(*map(np.uint64, arguments), grid=grid, block=block, stream=self.own)

    def wait(self) -> None:
        with _lost_on_error():
            self.own.synchronize()


class PyCudaDevice:
    """Satisfies `Device`."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu = gpu
        self.package = f"pycuda {pycuda.VERSION_TEXT}"
        with _lost_on_error():
            drv.init()
            self._context = drv.Device(gpu.index).retain_primary_context()
            self._context.push()
        atexit.register(self._leave)  # an interpreter that exits with a context pushed is aborted by pycuda
        self._allocated: dict[Address, Any] = {}
        self._locked: set[Address] = set()
        self._modules: list[Any] = []

    def allocate(self, nbytes: int) -> Address:
        with _lost_on_error():
            try:
                memory = drv.mem_alloc(nbytes)
            except drv.MemoryError:
                raise no_room(nbytes) from None
            drv.memset_d8(memory, 0, nbytes)
            drv.Context.synchronize()  # the default stream zeroes it, and ours do not wait for that
        self._allocated[int(memory)] = memory
        return int(memory)

    def free(self, address: Address) -> None:
        with _lost_on_error():
            self._allocated.pop(address).free()

    def stream(self) -> PyCudaStream:
        return PyCudaStream()

    def event(self) -> PyCudaEvent:
        return PyCudaEvent()

    def kernels(self, cubin: bytes, names: Sequence[str]) -> Mapping[str, Any]:
        with _lost_on_error():
            module = drv.module_from_buffer(cubin)
            self._modules.append(module)
            return {name: module.get_function(name) for name in names}

    def lock(self, memory: NDArray[np.uint8]) -> None:
        # pycuda 2026.1's register_host_memory crashes: it makes an array with two bases, which NumPy 2 forbids.
        try:
            lock_pages(memory.ctypes.data, memory.nbytes)
        except DriverError as error:
            raise LockRefusedError(f"CUDA: {error}") from None
        self._locked.add(memory.ctypes.data)

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        self._locked.remove(memory.ctypes.data)
        try:
            unlock_pages(memory.ctypes.data)
        except DriverError as error:
            raise DeviceLostError(f"CUDA: {error}") from None

    def memory_used(self) -> int:
        with _lost_on_error():
            free, total = drv.mem_get_info()
        return int(total - free)

    def close(self) -> None:
        with _lost_on_error():
            for locked in self._locked:
                unlock_pages(locked)
            for memory in self._allocated.values():
                memory.free()
            self._locked.clear()
            self._allocated.clear()
            self._modules.clear()
        self._leave()
        atexit.unregister(self._leave)

    def _leave(self) -> None:
        self._context.pop()
        self._context.detach()
