"""Probes of libraries and drivers, each in a process of its own: `python -m posestream.stream.doctor.probes NAME`.

A library whose dependencies are missing fails at import, and a GPU's driver may crash or hang the process that calls
it. So each probe runs in a child, which prints one fact a line.
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
    """A probe's result: the facts that it printed, or if it failed `problem` in one line."""

    facts: tuple[str, ...] = ()
    problem: str = ""


def probe(name: str) -> Probe:
    """Runs the probe of that name in a child. Failures, crashes and hangs become `Probe.problem`."""
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
    """Version."""
    import cv2

    return [cv2.__version__]


def openvino() -> list[str]:
    """Version, then each device that it can use."""
    import openvino as ov

    core = ov.Core()
    devices = [f"{device} ({core.get_property(device, 'FULL_DEVICE_NAME')})" for device in core.available_devices]
    return [ov.__version__.split("-")[0], *devices]


def onnxruntime() -> list[str]:
    """Version, then each provider that it was built with."""
    import onnxruntime as ort

    return [ort.__version__, *ort.get_available_providers()]


def cuda() -> list[str]:
    """The driver's version of CUDA, then each GPU. Raises NoGpuError where there is no GPU."""
    found = gpus()
    return [found[0].driver, *(f"{gpu.name} ({gpu.memory_bytes / 2**30:.0f} GB)" for gpu in found)]


def tensorrt() -> list[str]:
    """Flavour and version of the TensorRT that is installed. Raises ImportError where none is."""
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
