"""The machine that was measured on, and how busy it was with other things meanwhile: a figure means little without."""

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from posestream.stream.doctor.machine import cores, memory_gib

VERSIONS = ("posestream", "numpy", "opencv-python", "av", "pyzmq", "msgspec", "openvino", "onnxruntime")


def machine() -> dict[str, Any]:
    """CPU model, cores, memory, system, Python and the versions of what the pipeline stands on; null: not installed."""
    return {
        "cpu": _cpu_model(),
        "cores": cores(),
        "memory_gib": round(memory_gib(), 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version_of(name) for name in VERSIONS},
    }


def version_of(package: str) -> str | None:
    """The version of a package, or None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(named, platform.processor() or platform.machine())


@dataclass(frozen=True, slots=True)
class Load:
    """The machine's counters at a moment: seconds since it started, summed over its cores."""

    average_1min: float
    total_s: float
    idle_s: float
    stolen_s: float
    own_s: float

    @classmethod
    def now(cls) -> "Load":
        """Reads them, by psutil. `own_s` is what this process and its ended children have used."""
        import psutil  # of [dev]; whoever only asks what machine it is does without

        times = psutil.cpu_times()
        counted = (field for field in times._fields if field not in ("guest", "guest_nice"))  # they are in user, nice
        return cls(
            average_1min=os.getloadavg()[0],
            total_s=sum(getattr(times, field) for field in counted),
            idle_s=times.idle + getattr(times, "iowait", 0.0),
            stolen_s=getattr(times, "steal", 0.0),
            own_s=sum(os.times()[:4]),
        )

    def until(self, later: "Load") -> dict[str, float]:
        """What the machine did from here to `later`, in percent of its cores: our work, others' work, idle, stolen.

        Stolen is what the host of a virtual machine gave to other guests; its own clock may not show all of it.
        """
        total = max(later.total_s - self.total_s, 1e-9)
        own, idle, stolen = (
            100 * (getattr(later, name) - getattr(self, name)) / total for name in ("own_s", "idle_s", "stolen_s")
        )
        return {
            "load_before": round(self.average_1min, 2),
            "load_after": round(later.average_1min, 2),
            "own_percent": round(own, 1),
            "others_percent": round(max(100 - own - idle - stolen, 0.0), 1),
            "idle_percent": round(idle, 1),
            "stolen_percent": round(stolen, 1),
        }


def process_cpu_s(pid: int) -> float | None:
    """User and system time of a process, all its threads; None where it is no more, or the system has no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    user, system = stat.rpartition(")")[2].split()[11:13]  # behind the name, which may hold anything
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
