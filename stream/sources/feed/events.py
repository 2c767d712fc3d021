"""What a feed reports about its source besides frames."""

from dataclasses import dataclass
from typing import TypeAlias

from posestream.stream.published import CameraState
from posestream.stream.sources.redact import redact
from posestream.stream.sources.source import SourceError


@dataclass(frozen=True, slots=True)
class StateChange:
    """The source's state or its reason changed; `reason` is one redacted line."""

    state: CameraState
    reason: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Frame number `seq` arrived damaged. Its number is used up."""

    seq: int
    reason: str
    at_ns: int


Event: TypeAlias = StateChange | Undecodable


@dataclass(frozen=True, slots=True)
class Counts:
    """Totals since the start, of one moment: arrived = taken + replaced + undecodable + waiting."""

    arrived: int
    taken: int
    replaced: int
    undecodable: int
    waiting: int


def reason_of(error: SourceError) -> str:
    """The text of `error` as one redacted line."""
    return redact(" ".join(str(error).split()))
