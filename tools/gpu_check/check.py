"""Runs the units one after the other: each in its own process, as long as there is time and what it needs is there."""

import time
from collections.abc import Iterable

from rich.console import Console

from posestream.engines.backends.load import DeviceName
from posestream.engines.zoo.catalogue import find
from tools.gpu_check import isolated, plan
from tools.gpu_check.bench import BATCHES, Bench
from tools.gpu_check.findings import Found
from tools.gpu_check.report import Report
from tools.gpu_check.unit import Unit

LOOK_S, PROBE_S = 60.0, 200.0  # for a runtime to be imported, and to show that it can run here
SPARE_S = 3.0
LIMITS_S = {"networks": 150.0, "cameras": 150.0, "memory": 150.0}
"""Of units that could take all the time there is, where others want some too."""
NO_TIME = "there was no time left for it"


class Check:
    """What was given so far, and what is missing and why: nothing that failed is tried again."""

    def __init__(self, bench: Bench, ends_s: float, report: Report, console: Console) -> None:
        self._bench, self._ends_s, self._report, self._console = bench, ends_s, report, console
        self._given: set[str] = set()
        self._missing: dict[str, str] = {}
        self._took_s: dict[tuple[str, DeviceName], float] = {}

    def run(self, units: Iterable[Unit], *, one_part: bool = False) -> None:
        """Measures what can be measured, and writes the report after each unit."""
        for unit in units:
            self.one(unit, float("inf") if one_part else LIMITS_S.get(unit.part, float("inf")))

    def one(self, unit: Unit, limit_s: float = float("inf")) -> str:
        """Measures a unit; why it was not, or not wholly, measured, or ""."""
        if unit.gives and (unit.gives in self._given or unit.gives in self._missing):
            return self._missing.get(unit.gives, "")
        if why := self._not_now(unit):
            found = Found(missed=[why], late=why == NO_TIME)
        else:
            with self._console.status(f"{unit.part}: {unit.name}"):
                found = isolated.run(self._bench, unit, min(self._ends_s - time.monotonic(), limit_s))
            self._took_s[unit.part, unit.runtime] = found.seconds
        if found.late:
            found.missed[-1] += f": {command_for(unit)}"
        if unit.gives and found.why_not:
            self._missing[unit.gives] = found.why_not
        elif unit.gives:
            self._given.add(unit.gives)
        why_not = found.why_not
        said = f"not measured: {why_not}" if why_not else "done"
        line = f"{unit.part}: {unit.name}: {said} ({found.seconds:g} s)"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        self._report.add(unit, found)
        return why_not

    def _not_now(self, unit: Unit) -> str:
        """Why a unit is not even begun; "" where it is."""
        for need in unit.needs:
            if need not in self._given:
                return f"it needs {need}"
        left_s = self._ends_s - time.monotonic()
        last_s = self._took_s.get((unit.part, unit.runtime), 0.0)
        usual_s = 0.0 if self._bench.quick else min(unit.usual_s, last_s or unit.usual_s)
        if left_s < usual_s + SPARE_S:
            return NO_TIME
        return ""


def command_for(unit: Unit) -> str:
    """What measures a unit that there was no time for; an engine is built ahead, without a limit of time."""
    if unit.part != "engines" or unit.runtime != "tensorrt":
        return f"`python -m tools.gpu_check --only {unit.part} --minutes 30`"
    if find(unit.network).fetched:
        sizes = ",".join(map(str, BATCHES))
        command = f"posestream models build {unit.network} --precision {unit.precision} --batches {sizes}"
    else:  # with random weights it is this check's own
        command = "python -m tools.gpu_check --only engines --minutes 30"
    return f"build it ahead by `{command}`, then run this again"


def runtimes(check: Check, report: Report, bench: Bench) -> list[DeviceName]:
    """The runtimes that can run a network here, the one that a run takes first.

    In a rehearsal without a GPU torch on the CPU will do.
    """
    usable: list[DeviceName] = []
    candidates: tuple[DeviceName, ...] = ("tensorrt", "torch") if bench.gpu else ("torch",) if bench.quick else ()
    for runtime in candidates:
        found = isolated.run(bench, Unit("around", runtime), LOOK_S)
        version = str(found.facts.get("version", runtime))
        if found.why_not:
            report.note_found(f"no {runtime}: {found.why_not}")
            continue
        by = f", by {found.facts['package']}" if "package" in found.facts else ""
        if runtime == "torch" and not found.facts["sees"]:
            if bench.gpu:
                report.note_found(f"{version} sees no GPU")
                continue
            by = ", on the CPU"
        cuda = f", CUDA {found.facts['cuda']}" if found.facts.get("cuda") else ""
        if why := check.one(plan.probe(runtime, bench.precision), PROBE_S):
            where = f"sm_{bench.gpu.sm}" if bench.gpu else "this CPU"
            report.note_found(f"{version} cannot run on {where}: {why}")
            continue
        report.note_found(f"{version}{by}{cuda}")
        report.content["versions"][f"{runtime}, as it runs"] = version + cuda
        usable.append(runtime)
    return usable
