"""What was seen of a run from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from posestream.stream.ipc.ledger import Account


@dataclass(frozen=True, slots=True)
class Passed:
    """One published frame: when it arrived, when each stage handed it on.

    `busy_ns` is for how long each stage before publish worked on it; empty where a run is watched as a subscriber.
    """

    camera: str
    seq: int
    people: int
    capture_ns: int
    stamps_ns: Mapping[str, int]
    busy_ns: Mapping[str, int]

    @property
    def latency_ms(self) -> float:
        """From arrival to publication."""
        return (self.stamps_ns["publish"] - self.capture_ns) / 1e6

    @property
    def busy_ms(self) -> float:
        """What the stages before publish worked on it."""
        return sum(self.busy_ns.values()) / 1e6


@dataclass(frozen=True, slots=True)
class Observation:
    """A stretch of a run, its warm-up left out.

    `cpu_s` is what each process used in `seconds`, where the system says it, `busy_ms` what each stage worked on a
    frame, on average. `looked` is what was seen at the beginning, at times in between, and at the end. Accounts are
    those of all cameras together. `ran_on` is what infer says it runs on, `warnings` what it warned of.
    """

    frames: list[Passed]
    before: Account
    after: Account
    seconds: float
    cpu_s: Mapping[str, float]
    busy_ms: Mapping[str, float]
    looked: Sequence[float] = (0.0, 0.0)
    ran_on: str = ""
    warnings: Sequence[str] = ()

    @property
    def dropped_percent(self) -> float:
        """Of the frames captured."""
        captured = self.after.captured - self.before.captured
        return 100 * (self.after.dropped - self.before.dropped) / max(captured, 1)

    @property
    def people(self) -> float:
        """In a frame, on average."""
        return sum(frame.people for frame in self.frames) / len(self.frames)

    @property
    def rate_hz(self) -> float:
        """Published frames a second."""
        first, last = (self.frames[i].stamps_ns["publish"] for i in (0, -1))
        return (len(self.frames) - 1) * 1e9 / (last - first)
