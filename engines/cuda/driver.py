"""The GPUs that the driver lists: asked by ctypes, without importing a CUDA package or creating a context.

TensorRT's runtimes may end the interpreter where there is no driver, so this is called before they are imported.
"""

import ctypes
from dataclasses import dataclass
from functools import cache

from posestream.engines.exceptions import DriverError, NoGpuError

_NAME_BYTES = 256
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU: index, name, compute capability (90 for 9.0), memory, and the driver's CUDA ("13.0") and release
    ("580.65.06"; "" where it is unknown).
    """

    index: int
    name: str
    sm: int
    memory_bytes: int
    driver: str
    release: str = ""

    @property
    def driver_about(self) -> str:
        """The driver's versions, for people and for cache keys."""
        return f"{self.release}, CUDA {self.driver}" if self.release else f"CUDA {self.driver}"


def gpus() -> list[Gpu]:
    """All GPUs that the driver lists, at least one. Raises NoGpuError where there is none, or no working driver."""
    driver = _driver()
    try:
        _call(driver, "cuInit", 0)
    except DriverError as error:  # the driver is older than its GPU, half installed, or has no GPU
        raise NoGpuError(f"the NVIDIA driver does not work: {error}") from None
    version, count = ctypes.c_int(), ctypes.c_int()
    _call(driver, "cuDriverGetVersion", ctypes.byref(version))
    _call(driver, "cuDeviceGetCount", ctypes.byref(count))
    if not count.value:
        raise NoGpuError("the NVIDIA driver knows no GPU")
    cuda = f"{version.value // 1000}.{version.value % 1000 // 10}"
    return [_gpu(driver, index, cuda, _release()) for index in range(count.value)]


def lock_pages(address: int, nbytes: int) -> None:
    """Page-locks host memory for the current context. Raises DriverError where the driver refuses."""
    _call(_driver(), "cuMemHostRegister_v2", ctypes.c_void_p(address), ctypes.c_size_t(nbytes), 0)


def unlock_pages(address: int) -> None:
    """Undoes `lock_pages`. Raises DriverError where the driver refuses."""
    _call(_driver(), "cuMemHostUnregister", ctypes.c_void_p(address))


def _driver() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise NoGpuError(f"no NVIDIA driver: {error}") from None


@cache
def _release() -> str:
    """The driver's release, from its management library, NVML."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return ""
    version = ctypes.create_string_buffer(_NAME_BYTES)
    if nvml.nvmlInit_v2() or nvml.nvmlSystemGetDriverVersion(version, _NAME_BYTES):
        return ""
    nvml.nvmlShutdown()
    return version.value.decode(errors="replace")


def _gpu(driver: ctypes.CDLL, index: int, cuda: str, release: str) -> Gpu:
    device, memory = ctypes.c_int(), ctypes.c_size_t()
    name = ctypes.create_string_buffer(_NAME_BYTES)
    major, minor = ctypes.c_int(), ctypes.c_int()
    _call(driver, "cuDeviceGet", ctypes.byref(device), index)
    _call(driver, "cuDeviceGetName", name, _NAME_BYTES, device)
    _call(driver, "cuDeviceTotalMem_v2", ctypes.byref(memory), device)
    for value, attribute in ((major, _MAJOR), (minor, _MINOR)):
        _call(driver, "cuDeviceGetAttribute", ctypes.byref(value), attribute, device)
    return Gpu(index, name.value.decode(errors="replace"), 10 * major.value + minor.value, memory.value, cuda, release)


def _call(driver: ctypes.CDLL, function: str, *arguments: object) -> None:
    """Raises DriverError where the function returns an error code."""
    code = getattr(driver, function)(*arguments)
    if code:
        text = ctypes.c_char_p()
        driver.cuGetErrorString(code, ctypes.byref(text))
        raise DriverError(f"{function}: {(text.value or b'unknown error').decode()} ({code})")
