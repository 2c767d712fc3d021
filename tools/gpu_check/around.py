"""What is here: the GPU, the runtimes that are installed, the versions of all that a figure may depend on."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from posestream.engines.cuda.driver import Gpu, gpus
from posestream.engines.exceptions import NoGpuError
from tools.benchmark.host import machine, version_of
from tools.gpu_check.bench import Bench
from tools.gpu_check.findings import Findings
from tools.gpu_check.unit import Unit

PACKAGES = (
    *("torch", "tensorrt", "tensorrt-rtx", "cuda-bindings", "pycuda"),
    *("nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu12", "nvidia-cuda-nvrtc-cu13"),
    *("onnx", "onnxruntime", "numpy"),
)
REPOSITORY = Path(__file__).parents[2]


class NoSuchGpuError(Exception):
    """There are GPUs, but none of that number."""


def gpu_of(index: int) -> tuple[Gpu | None, str]:
    """GPU `index`, and a line about it; None and why where there is none at all. Raises NoSuchGpuError."""
    try:
        known = gpus()
    except NoGpuError as error:
        return None, f"no GPU: {error}"
    if not 0 <= index < len(known):
        raise NoSuchGpuError(f"there is no GPU {index}: the driver knows {len(known)}, counted from 0")
    gpu = known[index]
    return gpu, f"{gpu.name}, sm_{gpu.sm}, {gpu.memory_bytes / 2**30:.0f} GiB, driver with CUDA {gpu.driver}"


def measure(bench: Bench, unit: Unit, found: Findings) -> None:
    """Says which version of a runtime is installed: fact "version", and its "cuda". Raises ImportError.

    In a process of its own, for importing one may end it.
    """
    if unit.runtime == "tensorrt":
        from posestream.engines.backends.tensorrt import api
        from posestream.engines.cuda.open_device import open_device

        runtime = api.find()
        found.fact("version", f"{runtime.flavour} {runtime.version}")
        device = open_device(bench.index)
        found.fact("package", device.package)
        device.close()
        return
    import torch

    found.fact("version", f"torch {torch.__version__}")
    found.fact("cuda", torch.version.cuda)
    found.fact("sees", torch.cuda.is_available())


def about(gpu: Gpu | None, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the report begins with, for JSON."""
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain")
    return {
        "schema": 2,
        "commit": commit,
        "dirty": None if commit is None else bool(changed),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv[1:],
        "arguments": dict(arguments),
        "machine": machine(),
        "gpu": gpu
        and {
            "index": gpu.index,
            "name": gpu.name,
            "sm": gpu.sm,
            "memory_gib": round(gpu.memory_bytes / 2**30, 1),
            "driver": gpu.release or None,
            "driver_cuda": gpu.driver,
        },
        "runtimes": [],
        "versions": {name: version_of(name) for name in PACKAGES},
    }


def _git(*arguments: str) -> str | None:
    """What git says of this clone; None where it is none."""
    try:
        ended = subprocess.run(
            ["git", "-C", str(REPOSITORY), *arguments], check=True, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ended.stdout.strip()
