"""Runs the units one after the other: each in its own process, as long as there is time and what it needs is there."""

import time
from collections.abc import Iterable

from rich.console import Console

from posestream.engines.backends.load import DeviceName
from posestream.engines.zoo.catalogue import find
from tools.gpu_check import isolated
from tools.gpu_check.check_report import Report
from tools.gpu_check.findings import Found
from tools.gpu_check.unit import BATCHES, Bench, Unit

SPARE_S = 3.0
LIMITS_S = {"networks": 150.0, "cameras": 150.0, "memory": 150.0}
"""Of units that could take all the time there is, where others want some too."""
NO_LIMIT = float("inf")
NO_TIME = "there was no time left for it"


class Check:
    """What was measured so far, in `why_not`: for each unit why not all of it was, or "". Nothing is tried twice."""

    def __init__(self, bench: Bench, ends_s: float, report: Report, console: Console) -> None:
        self.why_not: dict[Unit, str] = {}
        self._bench, self._ends_s, self._report, self._console = bench, ends_s, report, console
        self._took_s: dict[tuple[str, DeviceName], float] = {}

    def run(self, units: Iterable[Unit], *, one_part: bool = False) -> None:
        """Measures what can be measured, and writes the report after each unit."""
        limits_s = {} if one_part or self._bench.quick else LIMITS_S
        for unit in units:
            self.one(unit, limits_s.get(unit.part, NO_LIMIT))

    def one(self, unit: Unit, limit_s: float = NO_LIMIT) -> str:
        """Measures a unit; why it was not, or not wholly, measured, or ""."""
        if unit in self.why_not:
            return self.why_not[unit]
        if reason := self._not_now(unit):
            found = Found(missed=[reason], late=reason == NO_TIME)
        else:
            with self._console.status(f"{unit.part}: {unit.name}"):
                found = isolated.run(self._bench, unit, min(self._ends_s - time.monotonic(), limit_s))
            self._took_s[unit.part, unit.runtime] = found.seconds
        if found.late:
            found.missed[-1] += f": {command_for(unit)}"
        why_not = self.why_not[unit] = "; ".join(found.reasons)
        outcome = f"not measured: {why_not}" if why_not else "done"
        line = f"{unit.part}: {unit.name}: {outcome} ({found.seconds:g} s)"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        self._report.add(unit, found)
        return why_not

    def _not_now(self, unit: Unit) -> str:
        """Why a unit is not even begun; "" where it is."""
        for need in unit.needs:
            if self.why_not.get(need, NO_TIME):
                return f"it needs {need.gives}"
        last_s = self._took_s.get((unit.part, unit.runtime), unit.usual_s)
        usual_s = 0.0 if self._bench.quick else min(unit.usual_s, last_s)
        return NO_TIME if self._ends_s - time.monotonic() < usual_s + SPARE_S else ""


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
