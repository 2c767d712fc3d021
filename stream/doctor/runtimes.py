"""Findings about runtimes: OpenVINO, ONNX Runtime, GPUs, and the extras that are installed."""

import importlib.metadata
import importlib.util
from pathlib import Path

from posestream.stream.doctor.finding import Finding, Mark
from posestream.stream.doctor.probes import Probe

REINSTALL = "install it into this Python: python -m pip install --force-reinstall {package}"
_CUDA = "pip install posestream[cuda]"
_DRIVER = "to use it: install NVIDIA's driver"
NVIDIA, DISPLAY = "0x10de", "0x03"  # PCI vendor, and prefix of the PCI class
EXTRAS = {
    "tensorrt": ("tensorrt", "tensorrt"),
    "tensorrt-rtx": ("tensorrt-rtx", "tensorrt_rtx"),
    "cuda": ("cuda-bindings", "cuda"),
    "pycuda": ("pycuda", "pycuda"),
    "torch": ("torch", "torch"),
}
"""Extra -> its package, and that package's module."""


def runtimes(openvino: Probe, onnxruntime: Probe) -> list[Finding]:
    """The two CPU runtimes: one is enough, and OpenVINO is preferred."""
    both = [_runtime("OpenVINO", "openvino", openvino), _runtime("ONNX Runtime", "onnxruntime", onnxruntime)]
    if any(finding.mark is Mark.OK for finding in both):
        return both
    return [Finding(each.topic, Mark.FIX, each.detail, each.advice) for each in both]


def _runtime(topic: str, package: str, result: Probe) -> Finding:
    if result.problem:
        return Finding(topic, Mark.NOTE, f"cannot be used: {result.problem}", REINSTALL.format(package=package))
    version, *devices = result.facts
    return Finding(topic, Mark.OK, f"{version}, on {', '.join(devices)}")


def gpu(cuda: Probe, tensorrt: Probe, devices: Path = Path("/sys/bus/pci/devices")) -> Finding:
    """The GPUs of the NVIDIA driver and the runtime for them, or the reason why there are none."""
    if not cuda.problem:
        version, *gpus = cuda.facts
        detail = f"{', '.join(gpus)}; the driver has CUDA {version}"
        if tensorrt.problem:
            return Finding("GPU", Mark.NOTE, f"{detail}; networks run on the CPU", tensorrt.problem)
        if not any(_is_installed(*EXTRAS[extra]) for extra in ("cuda", "pycuda")):
            missing = "neither cuda-bindings nor pycuda is installed"
            return Finding("GPU", Mark.NOTE, f"{detail}; networks run on the CPU: {missing}", _CUDA)
        return Finding("GPU", Mark.OK, f"{detail}; networks run on it, by {tensorrt.facts[0]}")
    if "libcuda.so.1" not in cuda.problem:
        return Finding("GPU", Mark.NOTE, f"the NVIDIA driver does not work: {cuda.problem}", "reinstall the driver")
    if _has_nvidia(devices):
        return Finding("GPU", Mark.NOTE, "an NVIDIA GPU without a driver; networks run on the CPU", _DRIVER)
    return Finding("GPU", Mark.NOTE, "no NVIDIA driver; networks run on the CPU")


def _has_nvidia(devices: Path) -> bool:
    return any(
        (device / "vendor").read_text().strip() == NVIDIA and (device / "class").read_text().startswith(DISPLAY)
        for device in devices.glob("*")
    )


def extras() -> Finding:
    """The optional packages that are installed; none of them is imported."""
    there = {extra: package for extra, (package, module) in EXTRAS.items() if _is_installed(package, module)}
    found = [f"{package} {importlib.metadata.version(package)}" for package in there.values()]
    missing = [extra for extra in EXTRAS if extra not in there]
    parts = [f"installed: {', '.join(found)}"] if found else []
    parts += [f"not installed, and not needed: {', '.join(missing)}"] if missing else []
    return Finding("extras", Mark.NOTE, "; ".join(parts))


def _is_installed(package: str, module: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return importlib.util.find_spec(module) is not None
