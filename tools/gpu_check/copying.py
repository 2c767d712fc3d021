"""Frames go to the GPU by whichever package is here: CUDA's bindings, or torch alone."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from posestream.engines.cuda.device import Device
from posestream.engines.cuda.open_device import open_device
from posestream.engines.exceptions import BackendError
from tools.gpu_check.bench import Bench
from tools.gpu_check.findings import NotMeasuredError


class Copying(Protocol):
    """Copies memory of the host to the device."""

    package: str

    def room(self, nbytes: int) -> None:
        """Makes room on the device for copies of so many bytes."""
        ...

    def copy(self, host: NDArray[np.uint8]) -> None:
        """Copies and waits until it is there."""
        ...

    def lock(self, memory: NDArray[np.uint8]) -> None:
        """Locks pages. Raises BackendError where that is refused."""
        ...

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        """Undoes `lock`."""
        ...

    def memory_used(self) -> int:
        """Bytes of the GPU's memory in use, by everybody."""
        ...

    def close(self) -> None:
        """Frees the device."""
        ...


def copying(bench: Bench) -> Copying:
    """By pycuda or cuda-bindings, as TensorRT's runs copy; where neither is here by torch. Raises NotMeasuredError."""
    if bench.gpu is None:
        raise NotMeasuredError("there is no GPU")
    try:
        return ByDriver(open_device(bench.gpu.index))
    except ImportError as without:
        try:
            import torch
        except ImportError:
            raise NotMeasuredError(str(without)) from None
    if not torch.cuda.is_available():
        raise NotMeasuredError(f"torch {torch.__version__} sees no GPU")
    return ByTorch(bench.gpu.index)


class ByDriver:
    """Satisfies `Copying`."""

    def __init__(self, device: Device) -> None:
        self.package = device.package
        self._device, self._stream = device, device.stream()
        self._to = 0

    def room(self, nbytes: int) -> None:
        if self._to:
            self._device.free(self._to)
        self._to = self._device.allocate(nbytes)

    def copy(self, host: NDArray[np.uint8]) -> None:
        self._stream.copy_in(self._to, host)
        self._stream.wait()

    def lock(self, memory: NDArray[np.uint8]) -> None:
        self._device.lock(memory)

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        self._device.unlock(memory)

    def memory_used(self) -> int:
        return self._device.memory_used()

    def close(self) -> None:
        self._device.close()


class ByTorch:
    """Satisfies `Copying`, with torch alone."""

    def __init__(self, index: int) -> None:
        import torch

        self.package = f"torch {torch.__version__}"
        self._torch: Any = torch
        self._device = torch.device("cuda", index)
        torch.cuda.set_device(self._device)
        self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._to = torch.empty(1, dtype=torch.uint8, device=self._device)

    def room(self, nbytes: int) -> None:
        self._to = self._torch.empty(nbytes, dtype=self._torch.uint8, device=self._device)

    def copy(self, host: NDArray[np.uint8]) -> None:
        with self._torch.cuda.stream(self._stream):
            self._to.copy_(self._torch.from_numpy(host), non_blocking=True)
        self._stream.synchronize()

    def lock(self, memory: NDArray[np.uint8]) -> None:
        self._asked("cudaHostRegister", memory.ctypes.data, memory.nbytes, 0)

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        self._asked("cudaHostUnregister", memory.ctypes.data)

    def memory_used(self) -> int:
        free, total = self._torch.cuda.mem_get_info(self._device)
        return int(total) - int(free)

    def close(self) -> None:
        del self._to
        self._torch.cuda.empty_cache()

    def _asked(self, function: str, *arguments: int) -> None:
        runtime = self._torch.cuda.cudart()
        code = getattr(runtime, function)(*arguments)
        if code != runtime.cudaError.success:
            raise BackendError(f"{function} failed ({int(code)})")
