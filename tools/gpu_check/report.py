"""The report: JSON that is written anew after each unit, so that whatever ends the check loses nothing of it."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.gpu_check.findings import Found
from tools.gpu_check.plan import PARTS
from tools.gpu_check.unit import Unit


@dataclass(frozen=True, slots=True)
class Missed:
    """What of a part was not measured, and why."""

    part: str
    what: str
    why: str


class Report:
    """`content` is what JSON gets beside the parts, `parts` what was found, `found` are lines on what is here."""

    def __init__(self, file: Path | None, content: dict[str, Any], *, quick: bool) -> None:
        """Raises OSError where `file` cannot be written."""
        self.content, self.quick = content, quick
        self.parts: dict[str, Found] = {}
        self.missed: list[Missed] = []
        self.found: list[str] = []
        self.complete = False
        self._file, self._began_s = file, time.monotonic()
        self.write()

    def note_found(self, line: str) -> None:
        """Says what is here, or is missing."""
        self.found.append(line)

    def add(self, unit: Unit, found: Found) -> None:
        """Adds what a unit found to its part, and writes all that there is."""
        for name in ("rows", "goals"):
            for each in getattr(found, name) if self.quick else ():
                each.pop("met", None)  # a rehearsal has no verdicts
        reasons = [*found.missed, *(problem["reason"] for problem in found.problems)]
        self.missed += [Missed(unit.part, unit.name, reason) for reason in reasons]
        found.problems = [{**problem, "reason": f"{unit.name}: {problem['reason']}"} for problem in found.problems]
        self.parts.setdefault(unit.part, Found()).add(found)
        self.write()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return round(time.monotonic() - self._began_s, 1)

    def write(self) -> None:
        """Writes the JSON, where that is wanted; at once, so that a reader never sees half of it."""
        if self._file is None:
            return
        part = self._file.with_name(f"{self._file.name}.part")
        part.write_text(json.dumps(self.plain(), indent=1) + "\n", encoding="utf-8")
        part.replace(self._file)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        parts = {name: self._part(name) for name in PARTS if name in self.parts}
        state = {"complete": self.complete, "quick": self.quick, "seconds": self.seconds}
        return {**self.content, **state, "found": self.found, "summary": summary(self), "parts": parts}

    def _part(self, name: str) -> dict[str, Any]:
        part = self.parts[name]
        missed = [{"what": each.what, "why": each.why} for each in self.missed if each.part == name]
        found = {
            "what": PARTS[name], "seconds": part.seconds, "rows": part.rows, "goals": part.goals, "notes": part.notes,
            "not_measured": missed,
        }  # fmt: skip
        if part.problems:
            found["problem"] = "; ".join(problem["reason"] for problem in part.problems)
            found["traceback"] = "\n".join(problem["traceback"] for problem in part.problems)
        return found


def summary(report: Report) -> dict[str, Any]:
    """How many goals are met, which are not, and what was not measured and why; for JSON."""
    goals = [goal for part in report.parts.values() for goal in part.goals if "met" in goal]
    missed = [goal for goal in goals if not goal["met"]]
    return {
        "goals": len(goals),
        "met": len(goals) - len(missed),
        "missed": [goal["name"] for goal in missed],
        "not_measured": not_measured(report.missed),
    }


def not_measured(missed: Sequence[Missed]) -> list[str]:
    """What was not measured, and why, in lines; what was not for one reason is in one."""
    names: dict[tuple[str, str], list[str]] = {}
    for each in missed:
        names.setdefault((each.part, each.why), []).append(each.what)
    return [f"{part}: not measured: {'; '.join(what)}: {why}" for (part, why), what in names.items()]
