"""What a unit finds: rows, values beside their goals, notes; said as they are found, so that a crash loses none."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from tools.benchmark.figures import Goal

Cell: TypeAlias = str | int | float | None
"""None: not measured in this row."""

Row: TypeAlias = Mapping[str, Cell]
"""By column; columns have their units in their names."""


class NotMeasuredError(Exception):
    """It cannot be measured here; the message says why."""


@dataclass(frozen=True, slots=True)
class Held:
    """A measured value beside its goal; `look` says what to look at where it is missed."""

    name: str
    value: float
    unit: str
    goal: Goal
    look: str = ""

    @property
    def met(self) -> bool:
        """True where the value is within the goal."""
        return self.goal.met(self.value)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        goal = {"bound": self.goal.bound, "goal": self.goal.value, "met": self.met}
        return {"name": self.name, "value": self.value, "unit": self.unit, **goal, "look": self.look}


class Findings:
    """Writes what one unit finds, a line of JSON each, into a file that its parent reads when the unit has ended."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", encoding="utf-8")

    def row(self, row: Row) -> None:
        """A row of the part's table."""
        self._say("row", dict(row))

    def goal(self, held: Held) -> None:
        """A value beside its goal."""
        self._say("goal", held.plain())

    def note(self, text: str) -> None:
        """What to know about it."""
        self._say("note", text)

    def fact(self, name: str, value: object) -> None:
        """What the parent wants to know, and no table shows."""
        self._say("fact", [name, value])

    def missed(self, reason: str) -> None:
        """Why the rest of the unit was not measured."""
        self._say("missed", reason)

    def problem(self, reason: str, traceback: str) -> None:
        """An error that nobody foresaw."""
        self._say("problem", {"reason": reason, "traceback": traceback})

    def close(self) -> None:
        """Closes the file; all is written already."""
        self._file.close()

    def _say(self, kind: str, content: object) -> None:
        self._file.write(json.dumps([kind, content]) + "\n")
        self._file.flush()


@dataclass(slots=True)
class Found:
    """What was found, of one unit or of all units of a part.

    `missed` are reasons, `problems` unforeseen errors; `late` where time was all that was missing.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    goals: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    late: bool = False

    def add(self, unit: "Found") -> None:
        """Adds what a unit found, but for what it missed; notes that several units have are kept once."""
        for name in ("rows", "goals", "problems"):
            getattr(self, name).extend(getattr(unit, name))
        self.notes += [note for note in unit.notes if note not in self.notes]
        self.seconds = round(self.seconds + unit.seconds, 1)

    @property
    def why_not(self) -> str:
        """Why not all was measured, or ""."""
        return "; ".join([*self.missed, *(problem["reason"] for problem in self.problems)])


def read(file: Path) -> Found:
    """What a unit has written so far; a line that it could not finish is left out."""
    found = Found()
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            kind, content = json.loads(line)
        except ValueError:
            continue
        match kind:
            case "row":
                found.rows.append(content)
            case "goal":
                found.goals.append(content)
            case "note" if content not in found.notes:
                found.notes.append(content)
            case "fact":
                found.facts[content[0]] = content[1]
            case "missed":
                found.missed.append(content)
            case "problem":
                found.problems.append(content)
    return found
