"""A stand-in GPU: the driver's stand-in, compiled, and TensorRT's beside it."""

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCES = (HERE / "driver.cpp", HERE.parent / "engines" / "cuda" / "on_cpu.cpp")
KERNELS = HERE.parents[1] / "engines" / "cuda" / "kernels"


@dataclass(frozen=True)
class StandIn:
    """The library that stands in for libcuda.so.1, and the folder of modules that stand in for TensorRT."""

    library: Path
    modules: Path
    rtx: Path = HERE / "rtx"

    def held(self, what: str) -> int:
        """A count of this process: "memory", "locked", "contexts", "graphs" held, "launched_graphs" so far …"""
        return int(ctypes.CDLL(str(self.library)).standin_held(what.encode()))

    def environment(self, **more: str) -> Mapping[str, str]:
        """The environment of another process that is to see the GPU."""
        return {
            **os.environ,
            "LD_LIBRARY_PATH": str(self.library.parent),
            "PYTHONPATH": str(self.modules),
            "STANDIN_GPUS": "1",
            **more,
        }


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in of the driver, compiled."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed, which compiles the stand-in of the driver")
    library = tmp_path_factory.mktemp("driver") / "libcuda.so.1"
    command = [
        "g++",
        "-std=c++20",
        "-O2",
        "-ffp-contract=off",
        "-shared",
        "-fPIC",
        "-Wl,-soname,libcuda.so.1",
        f"-I{KERNELS}",
    ]
    subprocess.run([*command, "-o", str(library), *map(str, SOURCES)], check=True)
    return library


@pytest.fixture
def standin(driver: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A GPU for this process, until the end of the test, which must leave nothing on it."""
    pytest.importorskip("cuda.bindings", reason="cuda-bindings is not installed")
    with contextlib.suppress(OSError):
        if not hasattr(ctypes.CDLL("libcuda.so.1"), "standin_held"):
            pytest.skip("there is a real driver here, which the stand-in cannot replace")
    found = StandIn(driver, HERE / "modules")
    library = ctypes.CDLL(str(driver))  # whoever loads libcuda.so.1 from now on gets this one
    monkeypatch.setenv("STANDIN_GPUS", "1")
    monkeypatch.syspath_prepend(str(found.modules))
    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
    yield found
    sys.modules.pop("tensorrt", None)
    library.standin_recover()
