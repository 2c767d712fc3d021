"""Looks that may fail, crash or hang: each in a process of its own, `python -m posestream.stream.doctor.probes NAME`.

A library that lacks a part of the system fails as it is imported, a GPU's driver may crash whoever asks it. So what is
asked runs in a child, which prints a line a fact.
"""

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from posestream.engines.cuda.driver import gpus

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Probe:
    """The facts that were printed, or, where the look failed, `problem` in one line."""

    facts: tuple[str, ...] = ()
    problem: str = ""


def probe(name: str) -> Probe:
    """Runs the look called `name`; never raises for what is found."""
    command = [sys.executable, "-P", "-m", "posestream.stream.doctor.probes", name]
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
    """Version of CUDA that the driver has, then each GPU. Raises NoGpuError where there is none."""
    found = gpus()
    return [found[0].driver, *(f"{gpu.name} ({gpu.memory_bytes / 2**30:.0f} GB)" for gpu in found)]


def tensorrt() -> list[str]:
    """Which of the two is installed, and its version; nothing of it is run. Raises ImportError where there is none."""
    from posestream.engines.backends.tensorrt import api

    found = api.find()
    return [f"{found.flavour} {found.version}"]


PROBES: Mapping[str, Callable[[], list[str]]] = {
    "opencv": opencv,
    "openvino": openvino,
    "onnxruntime": onnxruntime,
    "cuda": cuda,
    "tensorrt": tensorrt,
}


if __name__ == "__main__":
    sys.stdout.writelines(f"{fact}\n" for fact in PROBES[sys.argv[1]]())
