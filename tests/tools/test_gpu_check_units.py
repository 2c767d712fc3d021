"""Units of `tools.gpu_check` that crash, hang or have no time; the order of all; what people are shown."""

import io
import json
import pkgutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tools import gpu_check
from tools.benchmark.figures import Goal
from tools.gpu_check import isolated, schedule
from tools.gpu_check.check import Check
from tools.gpu_check.check_report import Report, show, table
from tools.gpu_check.findings import Findings, Found, judged, read
from tools.gpu_check.unit import Bench, Unit


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(None, quick=False, folder=str(tmp_path))


def test_what_nobody_foresaw_is_a_problem_of_its_unit_with_the_traceback(bench: Bench) -> None:
    found = isolated.run(bench, Unit("end-to-end", case="many"), 60)
    assert [problem["reason"] for problem in found.problems] == [
        "ValueError: invalid literal for int() with base 10: 'many'"
    ]
    assert "whole_runs.py" in found.problems[0]["traceback"]


@pytest.mark.parametrize("ending", ["os.kill(os.getpid(), 11)", "time.sleep(600)"])
def test_a_runtime_that_crashes_or_hangs_costs_one_unit(
    bench: Bench, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tensorrt.py").write_text(f"import os, time\n{ending}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(isolated, "GRACE_S", 1.0)
    found = isolated.run(bench, Unit(schedule.LOOK, "tensorrt"), 4.0 if "sleep" in ending else 60.0)
    if "sleep" in ending:
        assert found.missed == ["it took longer than the 4 s that it had"]
        assert found.late
    else:
        assert found.problems[0]["reason"] == "its process ended by SIGSEGV"
        assert "tensorrt.py" in found.problems[0]["traceback"]


def test_findings_are_read_up_to_where_a_crash_cut_them_off(tmp_path: Path) -> None:
    file = tmp_path / "found.jsonl"
    findings = Findings(file)
    findings.row({"batch": 1, "p50 ms": 2.5})
    findings.goal("p50", 2.5, "ms", Goal("<", 1), "the clocks")
    findings.note("No graph.")
    with file.open("a") as half:
        half.write('["row", {"batch": 4')
    found = read(file)
    assert found.rows == [{"batch": 1, "p50 ms": 2.5}]
    assert [(goal["name"], goal["met"]) for goal in found.goals] == [("p50", False)]
    assert found.notes == ["No graph."]


def checked(bench: Bench, tmp_path: Path, left_s: float) -> tuple[Check, Report]:
    report = Report(tmp_path / "report.json", {}, quick=False)
    return Check(bench, time.monotonic() + left_s, report, Console(file=io.StringIO())), report


def test_what_could_not_be_fetched_is_not_tried_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "a file, and no folder"
    empty.write_text("")
    monkeypatch.setenv("POSESTREAM_CACHE", str(empty))
    check, _ = checked(bench, tmp_path, 60)
    probe = schedule.probe(bench, "tensorrt")
    (file,) = probe.needs
    first = check.one(file)
    assert first
    monkeypatch.delattr(isolated, "run")
    assert check.one(file) == first
    assert check.one(probe) == "it needs weights of nanodet"
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["summary"]["not_measured"] == [
        f"networks: not measured: nanodet: {first}",
        "engines: not measured: nanodet on tensorrt, fp32: it needs weights of nanodet",
    ]


def test_an_engine_that_there_is_no_time_for_is_named_with_the_command_that_builds_it(
    bench: Bench, tmp_path: Path
) -> None:
    check, report = checked(bench, tmp_path, 20)
    check.why_not |= {schedule.weights(bench, network): "" for network in ("movenet-thunder", "hrnet-w32")}
    units = {
        unit.name: unit for unit in schedule.with_needs(schedule.units(bench, ["tensorrt"])) if unit.part == "engines"
    }
    check.run([units["movenet-thunder on tensorrt, fp32"], units["hrnet-w32 on tensorrt, fp32"]])
    said = [each["why"] for each in report.parts["engines"]["not_measured"]]
    assert "`posestream models build movenet-thunder --precision fp32 --batches 1,4,16,64`" in said[0]
    assert "`python -m tools.gpu_check --only engines --minutes 30`" in said[1]  # random weights are its own


def test_what_most_goals_need_comes_first_and_the_largest_network_last(bench: Bench) -> None:
    units = schedule.with_needs(schedule.units(bench, ["tensorrt", "torch"]))
    order = [(unit.part, unit.network) for unit in units if unit.part != "networks" and unit.network != "nanodet"]
    assert order[:5] == [
        ("copies", ""),
        *((part, "movenet-thunder") for part in ("engines", "latency", "end-to-end", "cameras")),
    ]
    networks = [network for _, network in order if network in ("rtmpose-m", "hrnet-w32")]
    assert networks.index("hrnet-w32") == networks.count("rtmpose-m")
    assert sum(unit.gives == "the run on the CPU" for unit in units) == 1


def test_a_part_is_asked_for_with_what_it_needs(bench: Bench) -> None:
    units = schedule.asked_for(["latency"], schedule.units(bench, ["tensorrt"]))
    assert {unit.part for unit in units} == {"networks", "engines", "latency"}
    assert {unit.network for unit in units if unit.part == "latency"} == {"movenet-thunder", "rtmpose-m", "hrnet-w32"}
    given = set[Unit]()
    for unit in units:
        assert set(unit.needs) <= given
        given.add(unit)
    assert len(given) == len(units)


def shown(report: Report, capsys: pytest.CaptureFixture[str]) -> str:
    show(Console(width=100), report)
    return capsys.readouterr().out


def test_what_errors_say_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(None, {}, quick=False)
    report.add(Unit("copies"), Found(missed=["pip install posestream[cuda]", "[/dev/video0] is busy"]))
    text = shown(report, capsys)
    assert "pip install posestream[cuda]" in text
    assert "[/dev/video0] is busy" in text


def test_the_summary_counts_goals_and_says_what_to_look_at(capsys: pytest.CaptureFixture[str]) -> None:
    found = Found()
    found.goals = [
        judged("met", 1, "ms", Goal("<", 2), ""),
        judged("added", 3.5, "ms", Goal("<", 2), "sleeping processors"),
    ]
    report = Report(None, {}, quick=False)
    report.add(Unit("end-to-end"), found)
    text = shown(report, capsys)
    assert "1 of 2 goals met." in text
    assert "added: 3.50 ms, goal < 2: NOT MET. Look: sleeping processors" in text


def test_tables_are_legible_at_100_columns(capsys: pytest.CaptureFixture[str]) -> None:
    columns = (
        "network", "people in all", "cameras", "people a frame", "mean batch", "p50 ms", "p95 ms", "p99 ms",
        "infer p50 ms", "raw, paced ms", "added ms", "dropped %",
    )  # fmt: skip
    row: dict[str, Any] = dict.fromkeys(columns, 12.345) | {"network": "movenet-thunder"}
    Console(width=100).print(table([row]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split() == ["movenet-thunder", *["12.35"] * 4, "12.35", "/", "12.35", "/", *["12.35"] * 5]


def test_a_driver_that_crashes_at_the_end_of_the_interpreter_takes_nothing_back(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text(
        "import atexit, os\n__version__ = '0'\nversion = cuda = type('', (), {'cuda': None, 'is_available': bool})\n"
        "atexit.register(os.abort)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = isolated.run(bench, Unit(schedule.LOOK, "torch"), 60)
    assert found.facts["version"] == "torch 0"
    assert not found.reasons
    assert found.notes == ["look: its process, when done, ended by SIGABRT"]


def test_it_needs_nothing_but_what_a_run_needs() -> None:
    """Installed as the README says, without [dev], there is no psutil; and only children import a GPU's runtime."""
    modules = ", ".join(f"tools.gpu_check.{module.name}" for module in pkgutil.iter_modules(gpu_check.__path__))
    program = (
        f"import sys; sys.modules['psutil'] = None; import {modules}\n"
        "assert not {'torch', 'tensorrt', 'tensorrt_rtx', 'pycuda', 'cuda.bindings'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
