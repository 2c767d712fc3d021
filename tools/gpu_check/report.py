"""The report: JSON that is written anew after each unit, so that whatever ends the check loses nothing of it."""

import json
import time
from pathlib import Path
from typing import Any

from tools.gpu_check.findings import Found
from tools.gpu_check.plan import PARTS
from tools.gpu_check.unit import Unit


class Report:
    """`content` is what JSON gets beside the parts, `parts` what was found, `found` are lines on what is here."""

    def __init__(self, file: Path | None, content: dict[str, Any], *, quick: bool) -> None:
        """Raises OSError where `file` cannot be written."""
        self.content, self.quick = content, quick
        self.parts: dict[str, Found] = {}
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
        found.missed = [f"{unit.name}: not measured: {reason}" for reason in found.missed]
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
        parts = {name: _plain(name, self.parts[name]) for name in PARTS if name in self.parts}
        state = {"complete": self.complete, "quick": self.quick, "seconds": self.seconds}
        return {**self.content, **state, "found": self.found, "summary": summary(self), "parts": parts}


def summary(report: Report) -> dict[str, Any]:
    """How many goals are met, which are not, and what was not measured and why; for JSON."""
    goals = [goal for part in report.parts.values() for goal in part.goals if "met" in goal]
    missed = [goal for goal in goals if not goal["met"]]
    not_measured = [
        f"{name}: {reason}"
        for name, part in report.parts.items()
        for reason in (*part.missed, *(problem["reason"] for problem in part.problems))
    ]
    return {
        "goals": len(goals),
        "met": len(goals) - len(missed),
        "missed": [goal["name"] for goal in missed],
        "not_measured": not_measured,
    }


def _plain(name: str, part: Found) -> dict[str, Any]:
    found = {
        "what": PARTS[name], "seconds": part.seconds, "rows": part.rows, "goals": part.goals, "notes": part.notes,
        "not_measured": part.missed,
    }  # fmt: skip
    if part.problems:
        found["problem"] = "; ".join(problem["reason"] for problem in part.problems)
        found["traceback"] = "\n".join(problem["traceback"] for problem in part.problems)
    return found
