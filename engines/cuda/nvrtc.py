"""Our kernels compiled for a GPU, by NVIDIA's runtime compiler: neither a GPU nor a toolkit is needed for that."""

from importlib import resources
from typing import Any

from posestream.engines.exceptions import BackendError

KERNELS = (
    *("crop_float32", "crop_float16", "crop_int32", "crop_uint8", "to_float16"),
    *("heatmap_peaks", "simcc_peaks"),
)
_PROGRAM = "all.cu"
_OPTIONS = ("--std=c++17", "--fmad=false")  # as a CPU rounds: a fused product would differ by a level of brightness


class KernelError(BackendError):
    """The compiler refused our kernels: a bug of ours, or a compute capability that it does not know."""


def compile_kernels(sm: int) -> bytes:
    """The cubin of all kernels for compute capability `sm` (90 for 9.0).

    Raises ImportError where the compiler is not installed, KernelError with its log where it fails.
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
    except RuntimeError as error:  # the bindings are there, and the library that they load is not
        raise ImportError(f"kernels are compiled by NVRTC: pip install posestream[cuda] ({error})") from None
    program = _called(created)
    options = [option.encode() for option in (f"--gpu-architecture=sm_{sm}", *_OPTIONS)]
    (code,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    if code != nvrtc.nvrtcResult.NVRTC_SUCCESS:
        log = bytearray(_called(nvrtc.nvrtcGetProgramLogSize(program)))
        _called(nvrtc.nvrtcGetProgramLog(program, log))
        raise KernelError(
            f"NVRTC, for sm_{sm}: {code.name}: {' '.join(log.decode(errors='replace').strip(chr(0)).split())}"
        )
    cubin = bytearray(_called(nvrtc.nvrtcGetCUBINSize(program)))
    _called(nvrtc.nvrtcGetCUBIN(program, cubin))
    _called(nvrtc.nvrtcDestroyProgram(program))
    return bytes(cubin)


def check_driver(driver: str) -> None:
    """Raises KernelError where the compiler is of a later CUDA than the driver, "12.4", whose GPUs then take no cubin.

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


def _called(result: tuple[Any, ...]) -> Any:
    code, *values = result
    if code.value:
        raise KernelError(f"NVRTC: {code.name}")
    return values[0] if values else None
