"""One GPU as the rest of the program uses it: memory, page-locking, streams, events and kernels, by plain addresses.

Two packages can give it: pycuda, and cuda-bindings, which needs no compiler to install. Both use the device's primary
context, the one that TensorRT and torch work in, and neither is imported before a GPU is known to be there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.cuda.driver import Gpu
from posestream.engines.exceptions import BackendError, DeviceLostError

Address: TypeAlias = int
"""Of device memory."""

Extent: TypeAlias = tuple[int, int, int]
"""Of a grid in blocks, or of a block in threads: x, y, z."""


class Event(Protocol):
    """A point in the work of a stream."""

    def record(self, stream: "Stream") -> None:
        """Puts the point behind all that the stream was given so far."""
        ...

    def since_ms(self, earlier: "Event") -> float:
        """Milliseconds on the device since `earlier`; waits until this point is reached."""
        ...


class Stream(Protocol):
    """Work for the device, done in the order in which it was given. No call but `wait` waits for it.

    Host arrays are C-contiguous, and stay alive and unchanged until the work is done. From page-locked memory the
    device copies by itself; any other is copied by the driver, which may wait for that.
    """

    handle: int

    def copy_in(self, to: Address, host: NDArray[Any]) -> None:
        """Host memory to the device."""
        ...

    def copy_out(self, host: NDArray[Any], source: Address) -> None:
        """Device memory to the host: as many bytes as `host` has."""
        ...

    def launch(self, kernel: Any, grid: Extent, block: Extent, arguments: Sequence[Address | np.uint64]) -> None:
        """Runs a kernel whose arguments are all 64 bits wide."""
        ...

    def wait(self) -> None:
        """Returns when all is done. Raises DeviceLostError where any of it failed."""
        ...


class Device(Protocol):
    """The GPU. Not thread-safe: one thread makes it and uses it."""

    gpu: Gpu
    package: str
    """What drives it, for people to read: "pycuda 2026.1"."""

    def allocate(self, nbytes: int) -> Address:
        """Device memory on a boundary of 256 bytes, zeros by the time of return; freed by `free` or with the device.

        Raises NoRoomError.
        """
        ...

    def free(self, address: Address) -> None:
        """Gives memory of `allocate` back."""
        ...

    def stream(self) -> Stream:
        """A stream that waits for no other."""
        ...

    def event(self) -> Event:
        """A point to measure time by."""
        ...

    def kernels(self, cubin: bytes, names: Sequence[str]) -> Mapping[str, Any]:
        """The kernels of those names, for `Stream.launch`."""
        ...

    def lock(self, memory: NDArray[np.uint8]) -> None:
        """Page-locks host memory that is writable and whole pages long, until `unlock`. Raises LockRefusedError."""
        ...

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        """Undoes `lock`; before the memory is unmapped."""
        ...

    def memory_used(self) -> int:
        """Bytes of the device's memory in use, by everybody."""
        ...

    def close(self) -> None:
        """Frees what is left, and lets go of the context."""
        ...


@contextmanager
def freeing(close: Callable[[], None]) -> Iterator[None]:
    """Has what was made so far freed where the making ends in an error; a lost device frees nothing any more."""
    try:
        yield
    except DeviceLostError:
        raise
    except (BackendError, ImportError):
        close()
        raise
