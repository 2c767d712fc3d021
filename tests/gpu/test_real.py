"""On a real GPU alone: networks agree with ONNX Runtime. `python -m tools.gpu_check` measures the rest."""

import ctypes
import json
import subprocess
import sys
from pathlib import Path

import pytest

from posestream.engines.cuda.driver import gpus
from posestream.engines.exceptions import NoGpuError

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def real_gpu() -> None:
    """Skips where there is none."""
    try:
        gpus()
    except NoGpuError as error:
        pytest.skip(f"there is no GPU here: {error}")
    if hasattr(ctypes.CDLL("libcuda.so.1"), "standin_held"):
        pytest.skip("the driver is the tests' stand-in")


@pytest.mark.timeout(600)
def test_whatever_runtime_is_here_agrees_with_onnx_runtime(tmp_path: Path) -> None:
    written = tmp_path / "report.json"
    command = [sys.executable, "-m", "tools.gpu_check", "--only", "agreement", "--json", str(written)]
    ended = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    report = json.loads(written.read_text())
    assert report["summary"]["goals"], ended.stdout + ended.stderr
    assert report["summary"]["missed"] == [], ended.stdout
