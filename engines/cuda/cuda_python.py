"""The device by cuda-bindings, NVIDIA's own bindings of the driver: wheels, no compiler needed."""

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from cuda import bindings
from cuda.bindings import driver as cu
from numpy.typing import NDArray

from posestream.engines.cuda.device import Address, Extent
from posestream.engines.cuda.driver import Gpu
from posestream.engines.exceptions import DeviceLostError, LockRefusedError, NoRoomError


def called(result: tuple[Any, ...]) -> Any:
    """What a call of the driver gave: nothing, a value, or several. Raises DeviceLostError for an error code."""
    code, *values = result
    if code != cu.CUresult.CUDA_SUCCESS:
        _, text = cu.cuGetErrorString(code)
        raise DeviceLostError(f"CUDA: {(text or b'unknown error').decode()} ({code.name})")
    return values[0] if len(values) == 1 else tuple(values)


class BindingsEvent:
    """Satisfies `Event`."""

    def __init__(self) -> None:
        self._event = called(cu.cuEventCreate(cu.CUevent_flags.CU_EVENT_DEFAULT))

    def record(self, stream: Any) -> None:
        called(cu.cuEventRecord(self._event, cu.CUstream(stream.handle)))

    def since_ms(self, earlier: Any) -> float:
        called(cu.cuEventSynchronize(self._event))
        return float(called(cu.cuEventElapsedTime(earlier._event, self._event)))


class BindingsStream:
    """Satisfies `Stream`."""

    def __init__(self) -> None:
        self._stream = called(cu.cuStreamCreate(cu.CUstream_flags.CU_STREAM_NON_BLOCKING))
        self.handle = int(self._stream)

    def copy_in(self, to: Address, host: NDArray[Any]) -> None:
        called(cu.cuMemcpyHtoDAsync(to, host.ctypes.data, host.nbytes, self._stream))

    def copy_out(self, host: NDArray[Any], source: Address) -> None:
        called(cu.cuMemcpyDtoHAsync(host.ctypes.data, source, host.nbytes, self._stream))

    def launch(self, kernel: Any, grid: Extent, block: Extent, arguments: Sequence[Address | np.uint64]) -> None:
        values = tuple(int(argument) for argument in arguments)
        packed = (values, (ctypes.c_uint64,) * len(values))
        called(cu.cuLaunchKernel(kernel, *grid, *block, 0, self._stream, packed, 0))

    def wait(self) -> None:
        called(cu.cuStreamSynchronize(self._stream))


class BindingsDevice:
    """Satisfies `Device`."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu = gpu
        self.package = f"cuda-bindings {bindings.__version__}"
        called(cu.cuInit(0))
        self._device = called(cu.cuDeviceGet(gpu.index))
        context = called(cu.cuDevicePrimaryCtxRetain(self._device))
        called(cu.cuCtxSetCurrent(context))
        self._allocated: set[Address] = set()
        self._locked: set[Address] = set()
        self._modules: list[Any] = []

    def allocate(self, nbytes: int) -> Address:
        made = cu.cuMemAlloc(nbytes)
        if made[0] == cu.CUresult.CUDA_ERROR_OUT_OF_MEMORY:
            raise NoRoomError(f"CUDA: the GPU has no room for {nbytes / 2**20:.0f} MiB more")
        address = int(called(made))
        self._allocated.add(address)
        called(cu.cuMemsetD8(address, 0, nbytes))
        called(cu.cuStreamSynchronize(cu.CUstream(0)))  # our streams do not wait for the one that fills it
        return address

    def free(self, address: Address) -> None:
        self._allocated.remove(address)
        called(cu.cuMemFree(address))

    def stream(self) -> BindingsStream:
        return BindingsStream()

    def event(self) -> BindingsEvent:
        return BindingsEvent()

    def kernels(self, cubin: bytes, names: Sequence[str]) -> Mapping[str, Any]:
        module = called(cu.cuModuleLoadData(cubin))
        self._modules.append(module)
        return {name: called(cu.cuModuleGetFunction(module, name.encode())) for name in names}

    def lock(self, memory: NDArray[np.uint8]) -> None:
        try:
            called(cu.cuMemHostRegister(memory.ctypes.data, memory.nbytes, 0))
        except DeviceLostError as error:
            raise LockRefusedError(str(error)) from None
        self._locked.add(memory.ctypes.data)

    def unlock(self, memory: NDArray[np.uint8]) -> None:
        self._locked.remove(memory.ctypes.data)
        called(cu.cuMemHostUnregister(memory.ctypes.data))

    def memory_used(self) -> int:
        free, total = called(cu.cuMemGetInfo())
        return int(total) - int(free)

    def close(self) -> None:
        for locked in self._locked:
            called(cu.cuMemHostUnregister(locked))
        for address in self._allocated:
            called(cu.cuMemFree(address))
        for module in self._modules:
            called(cu.cuModuleUnload(module))
        self._locked.clear()
        self._allocated.clear()
        self._modules.clear()
        called(cu.cuDevicePrimaryCtxRelease(self._device))
