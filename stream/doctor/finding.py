"""A finding of `posestream doctor`: one line about one topic, with advice."""

from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """`OK`: works. `NOTE`: a run works without it. `FIX`: must be fixed before a run without options works."""

    OK = "ok"
    NOTE = "note"
    FIX = "fix"


@dataclass(frozen=True, slots=True)
class Finding:
    """`detail` describes the state of `topic`, `advice` what to do about it; it is empty if there is nothing to do."""

    topic: str
    mark: Mark
    detail: str
    advice: str = ""
