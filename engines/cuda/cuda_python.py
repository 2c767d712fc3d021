"""The device by cuda-bindings, NVIDIA's own bindings of the driver, which install without a compiler."""

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from cuda import bindings
from cuda.bindings import driver as cu
from numpy.typing import NDArray

from posestream.engines.cuda.device import Address, Extent, no_room
from posestream.engines.cuda.driver import Gpu
from posestream.engines.exceptions import DeviceLostError, LockRefusedError


def checked(result: tuple[Any, ...]) -> Any:
    """The values that a call returned: none, one, or a tuple. Raises DeviceLostError for an error code."""
    code, *values = result
    if code != cu.CUresult.CUDA_SUCCESS:
        _, text = cu.cuGetErrorString(code)
        raise DeviceLostError(f"CUDA: {(text or b'unknown error').decode()} ({code.name})")
    return values[0] if len(values) == 1 else tuple(values)


class BindingsEvent:
    """Satisfies `Event`."""

    def __init__(self) -> None:
        self._event = checked(cu.cuEventCreate(cu.CUevent_flags.CU_EVENT_DEFAULT))

    def record(self, stream: Any) -> None:
        checked(cu.cuEventRecord(self._event, cu.CUstream(stream.handle)))

    def since_ms(self, earlier: Any) -> float:
        checked(cu.cuEventSynchronize(self._event))
        return float(checked(cu.cuEventElapsedTime(earlier._event, self._event)))


class BindingsStream:
    """Satisfies `Stream`."""

    def __init__(self) -> None:
        self._stream = checked(cu.cuStreamCreate(cu.CUstream_flags.CU_STREAM_NON_BLOCKING))
        self.handle = int(self._stream)

    def copy_in(self, to: Address, host: NDArray[Any]) -> None:
        checked(cu.cuMemcpyHtoDAsync(to, host.ctypes.data, host.nbytes, self._stream))

    def copy_out(self, host: NDArray[Any], source: Address) -> None:
        checked(cu.cuMemcpyDtoHAsync(host.ctypes.data, source, host.nbytes, self._stream))

    def launch(self, kernel: Any, grid: Extent, block: Extent, arguments: Sequence[Address | np.uint64]) -> None:
        values = tuple(int(argument) for argument in arguments)
        packed = (values, (ctypes.c_uint64,) * len(values))
        checked(cu.cuLaunchKernel(kernel, *grid, *block, 0, self._stream, packed, 0))

    def wait(self) -> None:
        checked(cu.cuStreamSynchronize(self._stream))


class BindingsDevice:
    """Satisfies `Device`."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu = gpu
        self.package = f"cuda-bindings {bindings.__version__}"
        checked(cu.cuInit(0))
        self._device = checked(cu.cuDeviceGet(gpu.index))
        context = checked(cu.cuDevicePrimaryCtxRetain(self._device))
        checked(cu.cuCtxSetCurrent(context))
        self._allocated: set[Address] = set()
        self._locked: set[Address] = set()
        self._modules: list[Any] = []

    def allocate(self, nbytes: int) -> Address:
        result = cu.cuMemAlloc(nbytes)
        if result[0] == cu.CUresult.CUDA_ERROR_OUT_OF_MEMORY:
            raise no_room(nbytes)
        address = int(checked(result))
        self._allocated.add(address)
        checked(cu.cuMemsetD8(address, 0, nbytes))
        checked(cu.cuStreamSynchronize(cu.CUstream(0)))  # the default stream zeroes it, and ours do not wait for that
        return address

    def free(self, address: Address) -> None:
        self._allocated.remove(address)
        checked(cu.cuMemFree(address))

    def stream(self) -> BindingsStream:
        return BindingsStream()

    def event(self) -> BindingsEvent:
        return BindingsEvent()

    def kernels(self, cubin: bytes, names: Sequence[str]) -> Mapping[str, Any]:
        module = checked(cu.cuModuleLoadData(cubin))
        self._modules.append(module)
        return {name: checked(cu.cuModuleGetFunction(module, name.encode())) for name in names}

    def lock(self, memory: NDArray[np.uint8]) -> None:
        try:
            checked(cu.cuMemHostRegister(memory.ctypes.data, memory.nbytes, 0))
        except DeviceLostError as error:
            raise LockRefusedError(str(error)) from None
        self._locked.add(memory.ctypes.data)

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        self._locked.remove(memory.ctypes.data)
        checked(cu.cuMemHostUnregister(memory.ctypes.data))

    def memory_used(self) -> int:
        free, total = checked(cu.cuMemGetInfo())
        return int(total) - int(free)

    def close(self) -> None:
        for locked in self._locked:
            checked(cu.cuMemHostUnregister(locked))
        for address in self._allocated:
            checked(cu.cuMemFree(address))
        for module in self._modules:
            checked(cu.cuModuleUnload(module))
        self._locked.clear()
        self._allocated.clear()
        self._modules.clear()
        checked(cu.cuDevicePrimaryCtxRelease(self._device))
