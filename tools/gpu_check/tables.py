"""The report for people: a table for each part, its goals and notes, and at the end what it comes to."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tools.gpu_check.findings import Found
from tools.gpu_check.plan import PARTS
from tools.gpu_check.report import Report, summary

MANY = 8
_LATENCY = ("p50 ms", "p95 ms", "p99 ms")


def show(console: Console, report: Report) -> None:
    """Prints all parts that have something, then the summary."""
    for name, what in PARTS.items():
        if name in report.parts:
            _part(console, name, what, report.parts[name])
    _summary(console, report)


def _part(console: Console, name: str, what: str, part: Found) -> None:
    console.print(f"\n[bold]{name}[/bold]: {what} ({part.seconds:g} s)", highlight=False)
    if part.rows:
        console.print(table(part.rows), highlight=False)
    _goals(console, part.goals)
    for line in part.notes:
        _line(console, line)


def _goals(console: Console, goals: Sequence[dict[str, Any]]) -> None:
    """Each with its verdict; of many those that are met are only counted."""
    met = [goal for goal in goals if goal.get("met")]
    many = len(goals) > MANY and bool(met)
    for goal in goals:
        if not (many and goal.get("met")):
            _line(console, _goal(goal))
    if many:
        _line(console, f"{len(met)} of {len(goals)} goals met here.")


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """A row for each, narrow: the percentiles of a latency share a column, headers have a line for each word."""
    made = Table(box=None, pad_edge=False, padding=(0, 1))
    columns = list(dict.fromkeys(column for row in rows for column in row))
    shown = [column for column in columns if column not in _LATENCY[1:]]
    for column in shown:
        words = any(isinstance(row.get(column), str) for row in rows)
        header = "p50 / 95 / 99 ms" if column == _LATENCY[0] else column.replace(" ", "\n")
        made.add_column(header, justify="left" if words else "right", no_wrap=True, vertical="bottom")
    for row in rows:
        made.add_row(*(_cell(row, column) for column in shown))
    return made


def _cell(row: dict[str, Any], column: str) -> str:
    names = _LATENCY if column == _LATENCY[0] else (column,)
    return " / ".join(_text(row.get(name)) for name in names).replace("[", r"\[")


def _goal(goal: dict[str, Any]) -> str:
    verdict = {True: ": met", False: ": NOT MET", None: ""}[goal.get("met")]
    unit = f" {goal['unit']}" if goal["unit"] else ""
    return f"{goal['name']}: {_text(goal['value'])}{unit}, goal {goal['bound']} {goal['goal']:g}{verdict}"


def _summary(console: Console, report: Report) -> None:
    comes_to = summary(report)
    console.print("\n[bold]summary[/bold]", highlight=False)
    if report.quick:
        _line(console, "A rehearsal: its figures say nothing, so it has no verdicts.")
    else:
        _line(console, f"{comes_to['met']} of {comes_to['goals']} goals met.")
    for part in report.parts.values():
        for goal in part.goals:
            if goal.get("met") is False:
                _line(console, f"{_goal(goal)}. Look: {goal['look']}")
    for reason in comes_to["not_measured"]:
        _line(console, reason)
    if not report.complete:
        _line(console, "It was stopped before its end.")
    _line(console, f"{report.seconds:g} s in all")


def _line(console: Console, text: str) -> None:
    console.print(f"  {text}", highlight=False, markup=False)


def _text(cell: Any) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 1 else f"{cell:.2f}" if abs(cell) < 100 else f"{cell:.0f}"
    return str(cell)
