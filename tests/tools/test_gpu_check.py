"""`python -m tools.gpu_check`: every part runs, and writes what its text promises. No figure here is one of a GPU.

The GPU is the tests' stand-in; where there is none at all, torch on the CPU takes its place in a rehearsal.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from posestream.engines.exceptions import WeightsError
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.download.photographs import photographs
from posestream.engines.zoo.make.from_package import onnx_path
from posestream.engines.zoo.store import cache
from tests.standin.gpu import HERE, StandIn, driver
from tools.benchmark.figures import Goal

__all__ = ["driver"]
REPOSITORY = Path(__file__).parents[2]
PARTS = ("networks", "engines", "copies", "latency", "end-to-end", "cameras", "memory", "agreement", "pipeline")
GOAL = {"name", "value", "unit", "bound", "goal", "look"}
pytestmark = pytest.mark.timeout(500)  # a dozen runs, on a machine that may have other things to do


@pytest.fixture(scope="module")
def weights() -> None:
    try:
        photographs()
        for name in ("nanodet", "movenet-thunder"):
            onnx_path(find(name))
    except WeightsError as error:
        pytest.skip(f"the networks cannot be had: {error}")


@pytest.fixture(scope="module")
def own_cache(weights: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the networks and without engines."""
    own = tmp_path_factory.mktemp("gpu_check") / "cache"
    own.mkdir()
    for name in ("onnx", "sources"):
        (own / name).symlink_to(cache.directory() / name)
    return own


@pytest.fixture(scope="module")
def on_standin(own_cache: Path, driver: Path) -> Mapping[str, str]:
    """The environment of a process that sees the stand-in of a GPU and of TensorRT."""
    pytest.importorskip("cuda.bindings", reason="cuda-bindings is not installed")
    one_thread = {"OMP_NUM_THREADS": "1"}  # torch's would wait for one another where other tests run as well
    return StandIn(driver, HERE / "modules").environment(POSESTREAM_CACHE=str(own_cache), **one_thread)


@pytest.fixture(scope="module")
def without_torch(on_standin: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The same without torch, which would see no GPU, and takes seconds to say so."""
    folder = tmp_path_factory.mktemp("without_torch")
    (folder / "torch.py").write_text('raise ImportError("torch is not installed")\n')
    return {**on_standin, "PYTHONPATH": os.pathsep.join([str(folder), on_standin["PYTHONPATH"]])}


def check(
    written: Path, *arguments: str, environment: Mapping[str, str] = os.environ
) -> tuple["subprocess.CompletedProcess[str]", Any]:
    """Rehearses the command; what it said, and what it wrote."""
    command = [sys.executable, "-m", "tools.gpu_check", "--quick", "--json", str(written), *arguments]
    ended = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True, env=environment)
    return ended, json.loads(written.read_text(encoding="utf-8")) if written.exists() else None


def within(goal: Mapping[str, Any]) -> bool:
    return Goal(goal["bound"], goal["goal"]).met(goal["value"])


@pytest.fixture(scope="module")
def report(on_standin: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """All parts, on the stand-in."""
    pytest.importorskip("torch", reason="torch is not installed, which makes rtmpose-t")
    written = tmp_path_factory.mktemp("report") / "report.json"
    ended, found = check(written, "--minutes", "30", environment=on_standin)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert max(map(len, ended.stdout.splitlines()[-60:])) <= 100
    loaded: Mapping[str, Any] = found
    return loaded


def test_the_report_says_what_it_was_measured_with(report: Mapping[str, Any]) -> None:
    assert report["schema"] == 2
    assert report["complete"] and report["quick"]
    assert report["runtimes"] == ["tensorrt"]
    assert report["gpu"] == {
        "index": 0, "name": "stand-in GPU", "sm": 90, "memory_gib": 16.0, "driver": None, "driver_cuda": "13.0",
    }  # fmt: skip
    assert report["versions"]["pycuda"] is None or report["versions"]["pycuda"]
    assert report["versions"]["tensorrt, as it runs"] == "tensorrt 11.4.0.standin"
    assert set(report) >= {"commit", "dirty", "date", "command", "arguments", "machine", "seconds", "summary", "found"}
    assert report["found"][0] == "stand-in GPU, sm_90, 16 GiB, driver with CUDA 13.0"
    assert report["found"][1].startswith("tensorrt 11.4.0.standin, by cuda-bindings")


@pytest.mark.parametrize("name", PARTS)
def test_a_part_gives_rows_goals_and_notes(report: Mapping[str, Any], name: str) -> None:
    part = report["parts"][name]
    assert set(part) == {"what", "seconds", "rows", "goals", "notes", "not_measured"}
    assert part["rows"]
    for goal in part["goals"]:
        assert set(goal) == GOAL  # a rehearsal has no verdicts
        assert goal["look"]


def test_what_stands_in_for_tensorrt_agrees_with_onnx_runtime_and_with_the_run_on_the_cpu(
    report: Mapping[str, Any],
) -> None:
    goals = report["parts"]["agreement"]["goals"] + report["parts"]["pipeline"]["goals"]
    exact = [goal for goal in goals if "fp32" in goal["name"]]  # of halves a rehearsal sees too few joints
    assert len(exact) == 2 + 2 * 3
    assert all(map(within, exact)), goals


def test_each_size_of_batch_is_timed_raw_in_the_stage_and_from_frames(report: Mapping[str, Any]) -> None:
    rows = report["parts"]["latency"]["rows"]
    assert [(row["network"], row["batch"], row["what"]) for row in rows] == [
        (network, batch, what)
        for network in ("movenet-thunder", "rtmpose-t")
        for batch in (1, 4)
        for what in ("raw", "stage", "frames")
    ]
    assert all(0 < row["p50 ms"] <= row["p95 ms"] <= row["p99 ms"] for row in rows)


def test_a_network_with_random_weights_is_fed_with_people_all_the_same(report: Mapping[str, Any]) -> None:
    row = next(row for row in report["parts"]["end-to-end"]["rows"] if row["network"] == "rtmpose-t")
    assert row["people a frame"] == pytest.approx(1, abs=0.2)
    assert any("rtmpose-t has random weights" in note for note in report["parts"]["networks"]["notes"])
    assert any("trained weights are needed" in each["why"] for each in report["parts"]["agreement"]["not_measured"])


def test_random_weights_stay_out_of_the_users_own_networks(report: Mapping[str, Any], own_cache: Path) -> None:
    assert (own_cache / "gpu_check" / "onnx" / "rtmpose-t.random.onnx").is_file()
    assert not list((own_cache / "engines").glob("rtmpose-t*"))


def test_whole_runs_say_what_infer_ran_on(report: Mapping[str, Any]) -> None:
    for name in ("end-to-end", "cameras", "memory"):
        assert any(note.startswith("infer: nanodet on tensorrt") for note in report["parts"][name]["notes"])


def test_a_device_that_is_lost_costs_one_unit(without_torch: Mapping[str, str], tmp_path: Path) -> None:
    lost = {**without_torch, "STANDIN_FAIL": "cuMemcpyHtoDAsync:6"}
    ended, report = check(tmp_path / "report.json", "--only", "copies", environment=lost)
    assert "illegal memory access" in report["parts"]["copies"]["not_measured"][0]["why"]
    assert report["parts"]["copies"]["rows"]  # what was found before
    assert report["complete"]
    assert ended.returncode == 0


def test_a_tensorrt_that_is_installed_and_cannot_run_here_is_left_out(
    without_torch: Mapping[str, str], tmp_path: Path
) -> None:
    refusing = {**without_torch, "STANDIN_REFUSE": "deserialize_cuda_engine"}
    ended, report = check(tmp_path / "report.json", "--only", "copies", environment=refusing)
    assert any(line.startswith("tensorrt 11.4.0.standin cannot run on sm_90: ") for line in report["found"])
    assert ended.returncode == 3


def test_ctrl_c_keeps_what_was_measured(without_torch: Mapping[str, str], tmp_path: Path) -> None:
    written = tmp_path / "report.json"
    command = [sys.executable, "-m", "tools.gpu_check", "--quick", "--json", str(written)]
    process = subprocess.Popen(command, cwd=REPOSITORY, env=without_torch, stdout=subprocess.PIPE, text=True)
    until_s = time.monotonic() + 300
    while "copies" not in written.read_text() if written.exists() else True:
        assert time.monotonic() < until_s
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "It was stopped before its end." in said
    report = json.loads(written.read_text())
    assert report["parts"]["copies"]["rows"]
    assert not report["complete"]


def test_a_gpu_that_is_not_there_is_refused_in_a_line(on_standin: Mapping[str, str], tmp_path: Path) -> None:
    ended, report = check(tmp_path / "report.json", "--gpu", "3", environment=on_standin)
    assert ended.returncode == 2
    assert ended.stderr == "gpu_check: error: there is no GPU 3: the driver knows 1, counted from 0\n"
    assert report is None


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    ended, _ = check(tmp_path / "no folder" / "report.json")
    assert ended.returncode == 2
    assert ended.stderr.startswith("gpu_check: error: --json: ")


def test_without_a_gpu_torch_on_the_cpu_takes_its_place_in_a_rehearsal(own_cache: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    alone = {**os.environ, "POSESTREAM_CACHE": str(own_cache), "OMP_NUM_THREADS": "1"}
    ended, report = check(tmp_path / "report.json", "--only", "copies", environment=alone)
    if "no GPU" not in ended.stdout:
        pytest.skip("there is a GPU")
    assert report["runtimes"] == ["torch"]
    assert report["gpu"] is None
    assert report["parts"]["copies"]["not_measured"] == [{"what": "frames", "why": "there is no GPU"}]
    assert ended.returncode == 1  # for what could not be measured


def test_where_there_is_nothing_to_measure_it_says_so_in_a_line() -> None:
    command = [sys.executable, "-m", "tools.gpu_check"]
    ended = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    if "no GPU" not in ended.stdout:
        pytest.skip("there is a GPU")
    assert ended.returncode == 3
    assert ended.stderr.splitlines() == ["gpu_check: error: there is no GPU that TensorRT or torch could use here"]
