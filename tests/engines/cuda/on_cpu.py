"""The project's kernels on the CPU: the same sources, compiled as C++."""

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

HERE = Path(__file__).parent
KERNELS = HERE.parents[2] / "engines" / "cuda" / "kernels"


@dataclass(frozen=True)
class OnCpu:
    """The kernels in a library."""

    library: ctypes.CDLL

    def launch(self, kernel: str, grid: Sequence[int], block: Sequence[int], *arguments: "NDArray[Any] | int") -> None:
        """Runs a kernel: arrays are passed by their address, numbers as they are, all in 64 bits."""
        values = [ctypes.c_uint64(a if isinstance(a, int) else a.ctypes.data) for a in arguments]
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        code = self.library.cuda_on_cpu_launch(kernel.encode(), *map(ctypes.c_uint, (*grid, *block)), pointers)
        assert code == 0, f"there is no kernel {kernel}"

    def layout(self, what: str) -> int:
        """The size of a row, or the offset of one of its fields; -1 where there is no such field."""
        function = self.library.cuda_on_cpu_layout
        function.restype = ctypes.c_long
        return int(function(what.encode()))


@pytest.fixture(scope="session")
def on_cpu(tmp_path_factory: pytest.TempPathFactory) -> OnCpu:
    """The kernels, compiled."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed, which compiles the kernels for the CPU")
    library = tmp_path_factory.mktemp("kernels") / "kernels.so"
    command = ["g++", "-std=c++20", "-O2", "-ffp-contract=off", "-shared", "-fPIC", f"-I{KERNELS}", "-o", str(library)]
    subprocess.run([*command, str(HERE / "on_cpu.cpp")], check=True)
    return OnCpu(ctypes.CDLL(str(library)))
