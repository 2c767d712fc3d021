"""What `posestream doctor` finds: one line a thing, with what to do where there is something to do."""

from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """`OK`: there, and good. `NOTE`: a run works without it. `FIX`: a run without options fails until it is mended."""

    OK = "ok"
    NOTE = "note"
    FIX = "fix"


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` names the thing, `what` says how it is, `advice` what to do; it is empty where nothing is to be done."""

    topic: str
    mark: Mark
    detail: str
    advice: str = ""
