"""What a part of the check found, as a table for people and as rows for JSON, and the goals it is held against."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from rich.console import Console
from rich.table import Table

from tools.benchmark.report import Goal

Cell: TypeAlias = str | int | float | None
"""None: not measured in this row."""


@dataclass(frozen=True, slots=True)
class Held:
    """A measured value beside its goal."""

    name: str
    value: float
    unit: str
    goal: Goal

    @property
    def met(self) -> bool:
        """True where the value is within the goal."""
        return self.goal.met(self.value)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        goal = {"bound": self.goal.bound, "goal": self.goal.value, "met": self.met}
        return {"name": self.name, "value": self.value, "unit": self.unit, **goal}


@dataclass(frozen=True, slots=True)
class Part:
    """What one part found; `columns` have their units in their names, `notes` say what to know about it."""

    what: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    goals: Sequence[Held] = field(default=())
    notes: Sequence[str] = field(default=())

    def plain(self) -> dict[str, Any]:
        """For JSON: a row is an object, by column."""
        return {
            "what": self.what,
            "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
            "goals": [held.plain() for held in self.goals],
            "notes": list(self.notes),
        }


class NotMeasuredError(Exception):
    """A part cannot be measured here; the message says why."""


def show(console: Console, name: str, part: Part) -> None:
    """Prints a part as a table, its goals, and its notes."""
    console.print(f"\n[bold]{name}[/bold]: {part.what}", highlight=False)
    columns, rows = _together(part.columns, part.rows)
    table = Table(box=None, pad_edge=False)
    for column in columns:
        words = column in part.columns and any(isinstance(row[part.columns.index(column)], str) for row in part.rows)
        table.add_column(column, justify="left" if words else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table, highlight=False)
    for held in part.goals:
        verdict = "[green]met[/green]" if held.met else "[red]not met[/red]"
        goal = f"{held.goal.bound} {held.goal.value:g}"
        console.print(f"  {held.name}: {_text(held.value)} {held.unit}, goal {goal}: {verdict}", highlight=False)
    for note in part.notes:
        console.print(f"  {note}", highlight=False, markup=False)


def _together(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> tuple[list[str], list[list[str]]]:
    """As text, with the three columns of a latency in one: "raw p50/95/99 ms"."""
    names: list[str] = []
    cells: list[list[str]] = [[] for _ in rows]
    skip = 0
    for i, column in enumerate(columns):
        if skip:
            skip -= 1
            continue
        latency = column.endswith("p50 ms") and list(columns[i + 1 : i + 2]) == [column.replace("p50", "p95")]
        skip = 2 if latency else 0
        names.append(column.replace("p50", "p50/95/99") if latency else column)
        for text, row in zip(cells, rows, strict=True):
            text.append(" / ".join(map(_text, row[i : i + 1 + skip])))
    return names, cells


def _text(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 1 else f"{cell:.2f}" if abs(cell) < 100 else f"{cell:.0f}"
    return str(cell)
