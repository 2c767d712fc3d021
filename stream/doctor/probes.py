"""Looks that may fail, crash or hang: each in a process of its own, `python -m stream.doctor.probes NAME`.

A library that lacks a part of the system fails as it is imported, a GPU's driver may crash whoever asks it. So what is
asked runs in a child, which prints a line a fact.
"""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

TIMEOUT_S = 60.0
CUDA_NAME_BYTES = 256


@dataclass(frozen=True, slots=True)
class Probe:
    """The facts that were printed, or, where the look failed, `problem` in one line."""

    facts: tuple[str, ...] = ()
    problem: str = ""


def probe(name: str) -> Probe:
    """Runs the look called `name`; never raises for what is found."""
    command = [sys.executable, "-m", "stream.doctor.probes", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return Probe(problem=f"did not answer within {TIMEOUT_S:.0f} s")
    if done.returncode < 0:
        return Probe(problem=f"crashed ({signal.Signals(-done.returncode).name})")
    if done.returncode:
        return Probe(problem=next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "failed"))
    return Probe(tuple(done.stdout.splitlines()))


def opencv() -> list[str]:
    """Its version."""
    import cv2

    return [cv2.__version__]


def openvino() -> list[str]:
    """Its version, then each device it can use."""
    import openvino as ov

    core = ov.Core()
    devices = [f"{device} ({core.get_property(device, 'FULL_DEVICE_NAME')})" for device in core.available_devices]
    return [ov.__version__.split("-")[0], *devices]


def onnxruntime() -> list[str]:
    """Its version, then each provider it was built with."""
    import onnxruntime as ort

    return [ort.__version__, *ort.get_available_providers()]


def cuda() -> list[str]:
    """Version of CUDA that the driver has, then each GPU. Raises OSError where there is no driver or it refuses."""
    driver = ctypes.CDLL("libcuda.so.1")

    def ask(function: str, *arguments: object) -> None:
        code = getattr(driver, function)(*arguments)
        if code:
            text = ctypes.c_char_p()
            driver.cuGetErrorString(code, ctypes.byref(text))
            raise OSError(f"{function}: {(text.value or b'unknown error').decode()} ({code})")

    ask("cuInit", 0)
    version, count = ctypes.c_int(), ctypes.c_int()
    ask("cuDriverGetVersion", ctypes.byref(version))
    ask("cuDeviceGetCount", ctypes.byref(count))
    facts = [f"{version.value // 1000}.{version.value % 1000 // 10}"]
    for index in range(count.value):
        device, memory = ctypes.c_int(), ctypes.c_size_t()
        name = ctypes.create_string_buffer(CUDA_NAME_BYTES)
        ask("cuDeviceGet", ctypes.byref(device), index)
        ask("cuDeviceGetName", name, CUDA_NAME_BYTES, device)
        ask("cuDeviceTotalMem_v2", ctypes.byref(memory), device)
        facts.append(f"{name.value.decode(errors='replace')} ({memory.value / 2**30:.0f} GB)")
    return facts


LOOKS: Mapping[str, Callable[[], list[str]]] = {
    "opencv": opencv,
    "openvino": openvino,
    "onnxruntime": onnxruntime,
    "cuda": cuda,
}


if __name__ == "__main__":
    sys.stdout.writelines(f"{fact}\n" for fact in LOOKS[sys.argv[1]]())
