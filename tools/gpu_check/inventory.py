"""What is here: the GPU, the runtimes that are installed and run, the versions of all that a figure may depend on."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from posestream.engines.backends.load import DeviceName
from posestream.engines.cuda.driver import Gpu, gpus
from posestream.engines.exceptions import NoGpuError
from tools.benchmark.host import machine, version_of
from tools.gpu_check import isolated, schedule
from tools.gpu_check.check import Check
from tools.gpu_check.check_report import Report
from tools.gpu_check.findings import Findings
from tools.gpu_check.unit import Bench, Unit

PACKAGES = (
    *("torch", "tensorrt", "tensorrt-rtx", "cuda-bindings", "pycuda"),
    *("nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu12", "nvidia-cuda-nvrtc-cu13"),
    *("onnx", "onnxruntime", "numpy"),
)
REPOSITORY = Path(__file__).parents[2]
LOOK_S, PROBE_S = 60.0, 200.0  # for a runtime to be imported, and to show that it can run here


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


def about(gpu: Gpu | None, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the report begins with, for JSON."""
    commit, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
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
    command = ["git", "-C", str(REPOSITORY), *arguments]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def look(bench: Bench, unit: Unit, found: Findings) -> None:
    """Which version of a runtime is installed: facts "version", "cuda", "by", "sees". Raises ImportError.

    In a process of its own, for importing one may end it.
    """
    if unit.runtime == "tensorrt":
        from posestream.engines.backends.tensorrt import api
        from posestream.engines.cuda.open_device import open_device

        runtime = api.find()
        found.fact("version", f"{runtime.flavour} {runtime.version}")
        device = open_device(bench.index)
        found.fact("by", f", by {device.package}")
        device.close()
        return
    import torch

    found.fact("version", f"torch {torch.__version__}")
    found.fact("cuda", f", CUDA {torch.version.cuda}" if torch.version.cuda else "")
    found.fact("sees", torch.cuda.is_available())
    found.fact("by", "" if torch.cuda.is_available() else ", on the CPU")


def runtimes(check: Check, report: Report, bench: Bench) -> list[DeviceName]:
    """The runtimes that can run a network here, the one that a run takes first; notes in the report what is here.

    In a rehearsal without a GPU torch on the CPU will do.
    """
    candidates: tuple[DeviceName, ...] = ("tensorrt", "torch") if bench.gpu else ("torch",)
    return [runtime for runtime in candidates if _runs(runtime, check, report, bench)]


def _runs(runtime: DeviceName, check: Check, report: Report, bench: Bench) -> bool:
    seen = isolated.run(bench, Unit(schedule.LOOK, runtime), LOOK_S)
    if seen.reasons:
        report.found.append(f"no {runtime}: {'; '.join(seen.reasons)}")
        return False
    version, cuda = seen.facts["version"], seen.facts.get("cuda", "")
    if bench.gpu and not seen.facts.get("sees", True):
        report.found.append(f"{version} sees no GPU")
        return False
    *needs, probe = schedule.with_needs([schedule.probe(bench, runtime)])
    check.run(needs)
    if why := check.one(probe, PROBE_S):
        where = f"sm_{bench.gpu.sm}" if bench.gpu else "this CPU"
        report.found.append(f"{version} cannot run on {where}: {why}")
        return False
    report.found.append(f"{version}{seen.facts['by']}{cuda}")
    report.content["versions"][f"{runtime}, as it runs"] = version + cuda
    return True
