"""`python -m tools.gpu_check`: every part runs, and writes what its text promises. No figure here is one of a GPU.

The GPU is the tests' stand-in; where there is none at all, torch on the CPU takes its place in a rehearsal.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.zoo import cache
from engines.zoo.catalogue import find
from engines.zoo.errors import ZooError
from engines.zoo.imported import onnx_path
from engines.zoo.photographs import photographs
from tests.standin.gpu import HERE, StandIn, driver
from tools.benchmark.report import Goal
from tools.gpu_check import people
from tools.gpu_check.report import Held, Part, show

__all__ = ["driver"]
REPOSITORY = Path(__file__).parents[2]
PARTS = ("engines", "agreement", "copies", "latency", "pipeline", "end-to-end", "cameras", "memory")
GOAL = {"name", "value", "unit", "bound", "goal", "met"}
pytestmark = pytest.mark.timeout(400)  # a dozen runs, on a machine that may have other things to do


@pytest.fixture(scope="module")
def weights() -> None:
    try:
        photographs()
        for name in ("nanodet", "movenet-thunder"):
            onnx_path(find(name))
    except ZooError as error:
        pytest.skip(f"the networks cannot be had: {error}")


def check(folder: Path, *arguments: str, **environment: str) -> tuple["subprocess.CompletedProcess[str]", Any]:
    """Runs the command; what it said, and what it wrote."""
    written = folder / "report.json"
    command = [sys.executable, "-m", "tools.gpu_check", "--quick", "--json", str(written), *arguments]
    ended = subprocess.run(
        command, cwd=REPOSITORY, check=False, capture_output=True, text=True, env={**os.environ, **environment}
    )
    return ended, json.loads(written.read_text(encoding="utf-8")) if written.exists() else None


@pytest.fixture(scope="module")
def report(weights: None, driver: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """All parts, on the stand-in, with engines of its own."""
    pytest.importorskip("cuda.bindings", reason="cuda-bindings is not installed")
    folder = tmp_path_factory.mktemp("gpu_check")
    own = folder / "cache"
    own.mkdir()
    for name in ("onnx", "sources"):
        (own / name).symlink_to(cache.directory() / name)
    environment = StandIn(driver, HERE / "modules").environment(POSESTREAM_CACHE=str(own))
    ended, written = check(folder, **environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    loaded: Mapping[str, Any] = written
    return loaded


def test_the_report_says_what_machine_gpu_and_runtime_it_was(report: Mapping[str, Any]) -> None:
    assert set(report) == {"machine", "found", "runtimes", "quick", "seconds", "parts"}
    assert report["runtimes"] == ["tensorrt"]
    assert report["found"][:2] == [
        "stand-in GPU, sm_90, 16 GiB, driver with CUDA 13.0",
        next(line for line in report["found"] if line.startswith("tensorrt 11.4.0.standin, by cuda-bindings")),
    ]


@pytest.mark.parametrize("name", PARTS)
def test_a_part_gives_rows_goals_and_notes(report: Mapping[str, Any], name: str) -> None:
    part = report["parts"][name]
    assert set(part) == {"what", "seconds", "rows", "goals", "notes"}
    assert part["rows"]
    assert part["goals"] or name == "engines"
    for goal in part["goals"]:
        assert set(goal) == GOAL
        assert goal["met"] == (goal["value"] < goal["goal"] if goal["bound"] == "<" else goal["value"] >= goal["goal"])


def test_what_stands_in_for_tensorrt_agrees_with_onnx_runtime_and_with_the_run_on_the_cpu(
    report: Mapping[str, Any],
) -> None:
    goals = report["parts"]["agreement"]["goals"] + report["parts"]["pipeline"]["goals"]
    exact = [goal for goal in goals if "fp32" in goal["name"]]  # of halves a rehearsal sees too few joints
    assert len(exact) == 3
    assert all(goal["met"] for goal in exact), goals


def test_each_size_of_batch_is_timed_raw_in_the_stage_and_from_frames(report: Mapping[str, Any]) -> None:
    rows = report["parts"]["latency"]["rows"]
    assert [row["batch"] for row in rows] == [1, 4]
    for row in rows:
        assert all(0 < row[f"{what} p50 ms"] <= row[f"{what} p99 ms"] for what in ("raw", "stage", "frames"))


def test_without_a_gpu_torch_on_the_cpu_takes_its_place_in_a_rehearsal(weights: None, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    ended, report = check(tmp_path, "--only", "agreement", "--only", "latency", "--only", "copies")
    if "no GPU" not in ended.stdout:
        pytest.skip("there is a GPU")
    assert report["runtimes"] == ["torch"]
    assert {row["runtime"] for row in report["parts"]["latency"]["rows"]} == {"torch"}
    assert report["parts"]["copies"]["problem"] == "there is no GPU"
    assert ended.returncode == 1  # for what could not be measured


def test_where_there_is_nothing_to_measure_it_says_so_in_a_line() -> None:
    command = [sys.executable, "-m", "tools.gpu_check"]
    ended = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    if "no GPU" not in ended.stdout:
        pytest.skip("there is a GPU")
    assert ended.returncode == 3
    assert ended.stderr.splitlines() == ["gpu_check: error: there is no GPU that TensorRT or torch could use here"]


def test_without_time_left_a_part_is_named_that_can_be_asked_for_alone(weights: None, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    ended, report = check(tmp_path, "--only", "cameras", "--minutes", "0")
    assert report["parts"]["cameras"]["problem"] == "no time was left: ask for it alone, with --only cameras"
    assert ended.returncode == 1


def test_four_people_are_to_be_seen_in_the_pictures(weights: None) -> None:
    found = people.people_in(people.four_people(20))
    assert np.median([len(boxes) for _, boxes in found]) == 4
    assert {picture.shape for picture, _ in found} == {(720, 1280, 3)}


def test_a_video_is_its_frames_so_many_times(weights: None, tmp_path: Path) -> None:
    import av

    path = people.write_video(tmp_path / "four.mp4", people.four_people(5), 3)
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert np.allclose(times, np.arange(15) / 30, atol=0.002)


def test_a_latency_is_one_column_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    columns = ("network", "raw p50 ms", "raw p95 ms", "raw p99 ms", "batch")
    held = Held("p50", 0.5, "ms", Goal("<", 0.25))
    show(Console(width=100), "latency", Part("a call", columns, [["thunder", 0.5, 1.25, 12.5, 1]], (held,), ("hm",)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split("  ")[0] == "network" and "raw p50/95/99 ms" in lines[2]
    assert "0.5 / 1.25 / 12.50" in lines[3]
    assert lines[4] == "  p50: 0.5 ms, goal < 0.25: not met"
