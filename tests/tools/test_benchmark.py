"""`python -m tools.benchmark --quick`: every benchmark runs, and writes the keys that its text promises."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from posestream.engines.exceptions import WeightsError
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.download.photographs import photographs
from posestream.engines.zoo.make.from_package import onnx_path

REPOSITORY = Path(__file__).parents[2]
LOAD = {"load_before", "load_after", "own_percent", "others_percent", "idle_percent", "stolen_percent"}
FIGURE = {"name", "unit", "median", "min", "max", "repeats", "goal"}
pytestmark = pytest.mark.timeout(400)  # a dozen runs, on a machine that may have other things to do
NAMES = ("handoff", "preprocess", "camera", "overhead", "throughput", "start")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    try:
        photographs()
        for name in ("nanodet", "movenet-lightning", "movenet-multipose"):
            onnx_path(find(name))
    except WeightsError as error:
        pytest.skip(f"the networks cannot be had: {error}")
    written = tmp_path_factory.mktemp("benchmark") / "report.json"
    command = [sys.executable, "-m", "tools.benchmark", "--quick", "--repeats", "1", "--json", str(written)]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    loaded: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    return loaded


def test_the_report_says_what_machine_it_was_and_how_busy(report: dict[str, Any]) -> None:
    assert set(report) == {"machine", "quick", "repeats", "load", "benchmarks"}
    assert set(report["machine"]) == {"cpu", "cores", "memory_gib", "system", "python", "versions"}
    assert set(report["load"]) == LOAD


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_gives_figures_with_their_repeats(report: dict[str, Any], name: str) -> None:
    found = report["benchmarks"][name]
    assert set(found) == {"what", "notes", "seconds", "load", "figures"}
    for figure in found["figures"]:
        assert set(figure) == FIGURE
        assert figure["min"] <= figure["median"] <= figure["max"]
        assert len(figure["repeats"]) == 1
        assert figure["goal"] is None or set(figure["goal"]) == {"bound", "value", "met"}
    assert len({figure["name"] for figure in found["figures"]}) == len(found["figures"])


def test_an_unknown_benchmark_is_refused() -> None:
    command = [sys.executable, "-m", "tools.benchmark", "--only", "nothing"]
    refused = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "invalid choice: 'nothing'" in refused.stderr


def test_without_psutil_one_line_says_what_to_install() -> None:
    """./tools/run installs none of [dev]."""
    program = (
        "import runpy, sys; sys.modules['psutil'] = None\n"
        "sys.argv = ['benchmark', '--quick']; runpy.run_module('tools.benchmark', run_name='__main__')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, check=False, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2
    assert ended.stderr == (
        "benchmark: error: this needs psutil, which is not installed: .venv/bin/pip install -e '.[dev]'\n"
    )
    assert ended.stdout == ""
