"""The driver's release."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NVML = """
#include <cstring>
extern "C" int nvmlInit_v2() { return 0; }
extern "C" int nvmlShutdown() { return 0; }
extern "C" int nvmlSystemGetDriverVersion(char* version, unsigned size) {
    std::strncpy(version, "580.65.06", size);
    return 0;
}
"""
RELEASE = "from posestream.engines.cuda.driver import _release; print(repr(_release()))"


def test_its_own_version_is_that_of_its_management_library(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed, which compiles the stand-in of the library")
    library = tmp_path / "libnvidia-ml.so.1"
    command = ["g++", "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1", "-x", "c++", "-", "-o", str(library)]
    subprocess.run(command, input=NVML, text=True, check=True)
    loaded = f"import ctypes; ctypes.CDLL({str(library)!r}); {RELEASE}"
    assert subprocess.check_output([sys.executable, "-c", loaded], text=True) == "'580.65.06'\n"


def test_without_that_library_it_has_none() -> None:
    missing = f"import ctypes\ndef gone(name):\n    raise OSError(name)\nctypes.CDLL = gone\n{RELEASE}"
    assert subprocess.check_output([sys.executable, "-c", missing], text=True) == "''\n"
