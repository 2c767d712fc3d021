"""The report: JSON, written anew after each unit, so that whatever ends the check loses nothing; tables for people."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tools.gpu_check.findings import Found
from tools.gpu_check.schedule import PARTS
from tools.gpu_check.unit import Unit

MANY = 8  # goals of a part: then those that are met are only counted
LATENCY = ("p50 ms", "p95 ms", "p99 ms")
VERDICTS = {True: ": met", False: ": NOT MET", None: ""}


class Report:
    """`content` is what JSON gets beside the parts, `parts` what was measured, `found` are lines on what is here."""

    def __init__(self, file: Path | None, content: dict[str, Any], *, quick: bool) -> None:
        """Raises OSError where `file` cannot be written."""
        self.content, self.quick = content, quick
        self.parts: dict[str, dict[str, Any]] = {}
        self.found: list[str] = []
        self.complete = False
        self._file, self._began_s = file, time.monotonic()
        self.write()

    def add(self, unit: Unit, found: Found) -> None:
        """Adds what a unit found to its part, and writes all that there is."""
        lists = ("rows", "goals", "notes", "not_measured")
        new = {"what": PARTS[unit.part].what, "seconds": 0.0, **{name: [] for name in lists}}
        part = self.parts.setdefault(unit.part, new)
        for goal in found.goals if self.quick else ():
            del goal["met"]  # a rehearsal has no verdicts
        part["seconds"] = round(part["seconds"] + found.seconds, 1)
        part["rows"] += found.rows
        part["goals"] += found.goals
        part["notes"] += [note for note in found.notes if note not in part["notes"]]
        part["not_measured"] += [{"what": unit.name, "why": reason} for reason in found.reasons]
        for problem in found.problems:
            reason = f"{unit.name}: {problem['reason']}"
            part["problem"] = f"{part['problem']}; {reason}" if "problem" in part else reason
            part["traceback"] = "\n".join([*filter(None, [part.get("traceback")]), problem["traceback"]])
        self.write()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return round(time.monotonic() - self._began_s, 1)

    def write(self) -> None:
        """Writes the JSON, where that is wanted; at once, so that a reader never sees half of it."""
        if self._file is None:
            return
        state = {"complete": self.complete, "quick": self.quick, "seconds": self.seconds}
        parts = {name: self.parts[name] for name in PARTS if name in self.parts}
        plain = {**self.content, **state, "found": self.found, "summary": self.summary(), "parts": parts}
        part = self._file.with_name(f"{self._file.name}.part")
        part.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
        part.replace(self._file)

    def summary(self) -> dict[str, Any]:
        """How many goals are met, which are not, and what was not measured and why, for JSON."""
        goals = [goal for part in self.parts.values() for goal in part["goals"] if "met" in goal]
        missed = [goal["name"] for goal in goals if not goal["met"]]
        names: dict[tuple[str, str], list[str]] = {}  # what was not measured for one reason is in one line
        for name, part in self.parts.items():
            for each in part["not_measured"]:
                names.setdefault((name, each["why"]), []).append(each["what"])
        not_measured = [f"{part}: not measured: {'; '.join(what)}: {why}" for (part, why), what in names.items()]
        return {"goals": len(goals), "met": len(goals) - len(missed), "missed": missed, "not_measured": not_measured}


# ---- for people


def show(console: Console, report: Report) -> None:
    """Prints all parts that have something, then the summary."""
    for name in PARTS:
        if name in report.parts:
            _part(console, name, report.parts[name])
    _summary(console, report)


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """A row for each, narrow: the percentiles of a latency share a column, headers have a line for each word."""
    made = Table(box=None, pad_edge=False, padding=(0, 1))
    columns = dict.fromkeys(column for row in rows for column in row if column not in LATENCY[1:])
    for column in columns:
        words = any(isinstance(row.get(column), str) for row in rows)
        header = "p50 / 95 / 99 ms" if column == LATENCY[0] else column.replace(" ", "\n")
        made.add_column(header, justify="left" if words else "right", no_wrap=True, vertical="bottom")
    for row in rows:
        made.add_row(*(_cell(row, column) for column in columns))
    return made


def _part(console: Console, name: str, part: Mapping[str, Any]) -> None:
    console.print(f"\n[bold]{name}[/bold]: {part['what']} ({part['seconds']:g} s)", highlight=False)
    if part["rows"]:
        console.print(table(part["rows"]), highlight=False)
    goals = part["goals"]
    met = [goal for goal in goals if goal.get("met")]
    many = bool(met) and len(goals) > MANY
    lines = [_goal(goal) for goal in goals if not (many and goal in met)]
    lines += [f"{len(met)} of {len(goals)} goals met here."] if many else []
    _print_lines(console, [*lines, *part["notes"]])


def _summary(console: Console, report: Report) -> None:
    comes_to = report.summary()
    verdict = f"{comes_to['met']} of {comes_to['goals']} goals met."
    if report.quick:
        verdict = "A rehearsal: its figures say nothing, so it has no verdicts."
    missed = [goal for part in report.parts.values() for goal in part["goals"] if goal.get("met") is False]
    looks = [f"{_goal(goal)}. Look: {goal['look']}" for goal in missed]
    stopped = [] if report.complete else ["It was stopped before its end."]
    console.print("\n[bold]summary[/bold]", highlight=False)
    _print_lines(console, [verdict, *looks, *comes_to["not_measured"], *stopped, f"{report.seconds:g} s in all"])


def _print_lines(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(f"  {line}", highlight=False, markup=False)


def _goal(goal: dict[str, Any]) -> str:
    unit = f" {goal['unit']}" if goal["unit"] else ""
    verdict = VERDICTS[goal.get("met")]
    return f"{goal['name']}: {_text(goal['value'])}{unit}, goal {goal['bound']} {goal['goal']:g}{verdict}"


def _cell(row: dict[str, Any], column: str) -> str:
    names = LATENCY if column == LATENCY[0] else (column,)
    return " / ".join(_text(row.get(name)) for name in names).replace("[", r"\[")


def _text(cell: Any) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 1 else f"{cell:.2f}" if abs(cell) < 100 else f"{cell:.0f}"
    return str(cell)
