"""Compiles the kernels for a GPU with NVRTC, NVIDIA's runtime compiler, which needs neither a GPU nor a toolkit."""

from importlib import resources
from typing import Any

from posestream.engines.exceptions import BackendError

KERNELS = (
    *("crop_float32", "crop_float16", "crop_int32", "crop_uint8", "to_float16"),
    *("heatmap_peaks", "simcc_peaks"),
)
_PROGRAM = "all.cu"
_OPTIONS = (
    "--std=c++17",
    "--fmad=false",
)  # as on the CPU: fused multiply-adds differ by a level of brightness


class KernelError(BackendError):
    """NVRTC failed: a bug in the kernels, an unknown compute capability, or a driver that is too old for it."""


def compile_kernels(sm: int) -> bytes:
    """The cubin of all kernels for compute capability `sm` (90 for 9.0).

    Raises ImportError where NVRTC is not installed, KernelError with its log where compilation fails.
    """
    try:
        from cuda.bindings import nvrtc
    except ImportError as error:
        raise ImportError(f"kernels are compiled by NVRTC: pip install posestream[cuda] ({error})") from None
    folder = resources.files("posestream.engines.cuda") / "kernels"
    sources = {file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith((".cu", ".cuh"))}
    try:
        created = nvrtc.nvrtcCreateProgram(
            sources[_PROGRAM],
            _PROGRAM.encode(),
            len(sources),
            list(sources.values()),
            [name.encode() for name in sources],
        )
    except RuntimeError as error:  # the bindings are installed, but not the library that they load
        raise ImportError(f"kernels are compiled by NVRTC: pip install posestream[cuda] ({error})") from None
    program = _checked(created)
    options = [option.encode() for option in (f"--gpu-architecture=sm_{sm}", *_OPTIONS)]
    (code,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    if code != nvrtc.nvrtcResult.NVRTC_SUCCESS:
        log = bytearray(_checked(nvrtc.nvrtcGetProgramLogSize(program)))
        _checked(nvrtc.nvrtcGetProgramLog(program, log))
        raise KernelError(
            f"NVRTC, for sm_{sm}: {code.name}: {' '.join(log.decode(errors='replace').strip(chr(0)).split())}"
        )
    cubin = bytearray(_checked(nvrtc.nvrtcGetCUBINSize(program)))
    _checked(nvrtc.nvrtcGetCUBIN(program, cubin))
    _checked(nvrtc.nvrtcDestroyProgram(program))
    return bytes(cubin)


def check_driver(driver: str) -> None:
    """Raises KernelError where NVRTC is of a later CUDA than `driver`, "12.4": its cubins would not load.

    NVIDIA, "CUDA Compatibility": binaries of a toolkit run on drivers of its major version and later ones.
    """
    from cuda.bindings import nvrtc

    major, minor = _version(nvrtc.nvrtcVersion())
    if major > int(driver.split(".", maxsplit=1)[0]):
        raise KernelError(
            f"kernels compiled for CUDA {major}.{minor} do not run on a driver with CUDA {driver}: update the driver"
        )


def _version(result: tuple[Any, ...]) -> tuple[int, int]:
    _, major, minor = result
    return major, minor


def _checked(result: tuple[Any, ...]) -> Any:
    code, *values = result
    if code.value:
        raise KernelError(f"NVRTC: {code.name}")
    return values[0] if values else None
