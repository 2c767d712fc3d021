"""What a benchmark found: figures with all their repeats, as a table for people and as JSON for programs."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rich.console import Console
from rich.table import Table


class NotMeasuredError(Exception):
    """A quantity cannot be measured here; the message says why."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should reach: at most, or at least, `value` in the figure's unit."""

    bound: Literal["<", ">="]
    value: float

    def met(self, value: float) -> bool:
        """True where `value` is within the goal."""
        return value < self.value if self.bound == "<" else value >= self.value


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity: its value in each repeat of the run. The median counts."""

    name: str
    unit: str
    repeats: Sequence[float]
    goal: Goal | None = None

    @property
    def median(self) -> float:
        """Median over the repeats."""
        return statistics.median(self.repeats)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        goal = self.goal and {"bound": self.goal.bound, "value": self.goal.value, "met": self.goal.met(self.median)}
        low, high = min(self.repeats), max(self.repeats)
        spread = {"median": self.median, "min": low, "max": high, "repeats": list(self.repeats)}
        return {"name": self.name, "unit": self.unit, **spread, "goal": goal}


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark found; `what` says in words what is compared with what, `notes` what to know about it."""

    what: str
    figures: Sequence[Figure]
    notes: Sequence[str] = field(default=())

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "what": self.what,
            "figures": [figure.plain() for figure in self.figures],
            "notes": list(self.notes),
        }


def show(console: Console, name: str, result: Result) -> None:
    """Prints a benchmark's result as a table."""
    console.print(f"\n[bold]{name}[/bold]: {result.what}", highlight=False)
    table = Table("figure", box=None, pad_edge=False)
    for column in ("median", "min", "max", "", "goal"):
        table.add_column(column, justify="left" if column in ("", "goal") else "right", no_wrap=True)
    for figure in result.figures:
        values = (figure.median, min(figure.repeats), max(figure.repeats))
        table.add_row(figure.name, *(_text(value) for value in values), figure.unit, _verdict(figure))
    console.print(table, highlight=False)
    for note in result.notes:
        console.print(f"  {note}", highlight=False, markup=False)


def _text(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _verdict(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    verdict = "[green]met[/green]" if figure.goal.met(figure.median) else "[red]not met[/red]"
    return f"{figure.goal.bound} {figure.goal.value:g}: {verdict}"
