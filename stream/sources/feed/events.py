"""What a feed tells about its source besides frames."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["connecting", "live", "stalled", "lost", "ended"]


@dataclass(frozen=True, slots=True)
class StateChange:
    """The source's state became `state`, or its reason another; `reason` is one redacted line."""

    state: State
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
