"""One GPU behind a small interface: memory, page-locking, streams, events and kernels, by plain addresses.

Two packages implement it: pycuda, and cuda-bindings, which installs without a compiler. Both use the device's primary
context, as TensorRT and torch do; neither is imported before the driver has listed a GPU.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.cuda.driver import Gpu
from posestream.engines.exceptions import BackendError, DeviceLostError, NoRoomError

Address: TypeAlias = int
"""Of device memory."""

Extent: TypeAlias = tuple[int, int, int]
"""Of a grid in blocks, or of a block in threads: x, y, z."""


class Event(Protocol):
    """A point in the work of a stream."""

    def record(self, stream: "Stream") -> None:
        """Puts the point behind all work enqueued so far."""
        ...

    def since_ms(self, earlier: "Event") -> float:
        """Milliseconds on the device since `earlier`; waits until this point is reached."""
        ...


class Stream(Protocol):
    """A queue of work for the device, which runs it in order. Only `wait` waits for it.

    Host arrays are C-contiguous, and stay alive and unchanged until their copy is done. Copies from and to page-locked
    memory are asynchronous; others go through the driver, which may block.
    """

    handle: int

    def copy_in(self, to: Address, host: NDArray[Any]) -> None:
        """Enqueues a copy of `host` to the device."""
        ...

    def copy_out(self, host: NDArray[Any], source: Address) -> None:
        """Enqueues a copy from the device that fills `host`."""
        ...

    def launch(self, kernel: Any, grid: Extent, block: Extent, arguments: Sequence[Address | np.uint64]) -> None:
        """Enqueues a kernel whose arguments are all 64 bits wide."""
        ...

    def wait(self) -> None:
        """Returns when all work is done. Raises DeviceLostError where any of it failed."""
        ...


class Device(Protocol):
    """The GPU. Not thread-safe: one thread opens it and uses it."""

    gpu: Gpu
    package: str
    """Package and version that drive it, for people: "pycuda 2026.1"."""

    def allocate(self, nbytes: int) -> Address:
        """Device memory, zeroed, aligned to 256 bytes; freed by `free`, or with the device.

        Raises NoRoomError where the device is out of memory.
        """
        ...

    def free(self, address: Address) -> None:
        """Frees memory of `allocate`."""
        ...

    def stream(self) -> Stream:
        """A new stream, which waits for no other."""
        ...

    def event(self) -> Event:
        """A new event, for measuring time."""
        ...

    def kernels(self, cubin: bytes, names: Sequence[str]) -> Mapping[str, Any]:
        """The kernels of those names, for `Stream.launch`."""
        ...

    def lock(self, memory: NDArray[np.uint8]) -> None:
        """Page-locks host memory, writable and whole pages long, until `unlock`.

        Raises LockRefusedError where the driver refuses.
        """
        ...

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        """Undoes `lock`, before the memory is unmapped."""
        ...

    def memory_used(self) -> int:
        """Bytes of the device's memory in use, by all processes."""
        ...

    def close(self) -> None:
        """Frees what is left, and releases the context."""
        ...


def no_room(nbytes: int) -> NoRoomError:
    """The error of `Device.allocate`, by either package."""
    return NoRoomError(f"CUDA: the GPU has no room for {nbytes / 2**20:.0f} MiB more")


@contextmanager
def closing_on_error(close: Callable[[], None]) -> Iterator[None]:
    """Calls `close` where a constructor fails half-way; not for a lost device, where every call fails."""
    try:
        yield
    except DeviceLostError:
        raise
    except (BackendError, ImportError):
        close()
        raise
