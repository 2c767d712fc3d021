"""What a unit finds: rows, values beside goals, notes; each is written at once, so that a crash loses none."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tools.benchmark.figures import Goal

Kind: TypeAlias = Literal["rows", "goals", "notes", "facts", "missed", "problems"]
Cell: TypeAlias = str | int | float | None
"""None: not measured in this row."""


@dataclass(slots=True)
class Found:
    """What one unit found.

    `rows` are those of its part's table, by column; columns have their units in their names. `missed` are reasons why
    something was not measured, `problems` unforeseen errors, each {"reason", "traceback"}; `late` where time was all
    that was missing. `facts` are for the parent alone, no table shows them.
    """

    rows: list[dict[str, Cell]] = field(default_factory=list)
    goals: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    problems: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    late: bool = False

    @property
    def reasons(self) -> list[str]:
        """Why not all was measured."""
        return [*self.missed, *(problem["reason"] for problem in self.problems)]


@dataclass(frozen=True, slots=True)
class Findings:
    """Writes what one unit finds into a file, a line of JSON each, for `read` in the parent when the unit has ended."""

    file: Path

    def row(self, *cells: Mapping[str, Cell]) -> None:
        """Adds a row to the part's table, by column."""
        self.write("rows", {column: cell for some in cells for column, cell in some.items()})

    def goal(self, name: str, value: float, unit: str, goal: Goal, look: str) -> None:
        """Adds a value beside its goal; `look` says what to look at where it is missed."""
        self.write("goals", judged(name, value, unit, goal, look))

    def note(self, text: str) -> None:
        """Adds what to know about the figures."""
        self.write("notes", text)

    def fact(self, name: str, value: object) -> None:
        """Tells the parent something."""
        self.write("facts", (name, value))

    def write(self, kind: Kind, content: object) -> None:
        """Appends a line."""
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps((kind, content)) + "\n")


def judged(name: str, value: float, unit: str, goal: Goal, look: str) -> dict[str, Any]:
    """A value beside its goal, for JSON."""
    verdict = {"bound": goal.bound, "goal": goal.value, "met": goal.met(value)}
    return {"name": name, "value": value, "unit": unit, **verdict, "look": look}


def read(file: Path) -> Found:
    """What a unit has written so far; a line that a crash cut off is left out."""
    found = Found()
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            kind, content = json.loads(line)
        except ValueError:
            continue
        if kind == "facts":
            found.facts |= [content]
        else:
            getattr(found, kind).append(content)
    found.notes = list(dict.fromkeys(found.notes))
    return found
