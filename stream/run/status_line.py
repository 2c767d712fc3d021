"""The status line of a run: cameras, frames a second, people, latency, drops; for newcomers."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from posestream.stream.ipc.ledger import Account, percentile_ms
from posestream.stream.ipc.messages import SourceState

WINDOW_NS = 2_000_000_000  # over which rates and latencies are taken


class Reading(NamedTuple):
    """The ledger's totals at one moment, over all cameras."""

    at_ns: int
    published: int
    latencies: NDArray[np.uint64]


@dataclass
class Status:
    """The readings of the last two seconds."""

    cameras: int
    readings: deque[Reading] = field(default_factory=deque)

    def note(self, reading: Reading) -> None:
        """Adds a reading, and drops those older than the window but for one to compare with."""
        self.readings.append(reading)
        while len(self.readings) > 2 and reading.at_ns - self.readings[1].at_ns >= WINDOW_NS:
            self.readings.popleft()

    def line(self, accounts: Sequence[Account], states: Sequence[SourceState | None]) -> str:
        """One line, such as `live · 30.0 fps · 2 people · latency 21 ms (p95 33) · 4 of 300 frames dropped`.

        Before the first frame: the state alone.
        """
        if not any(account.captured for account in accounts):
            return self._cameras(states)
        return " · ".join([self._cameras(states), self._rate(), _people(accounts), self._latency(), _drops(accounts)])

    def _cameras(self, states: Sequence[SourceState | None]) -> str:
        known = [state for state in states if state is not None]
        if self.cameras == 1:
            return known[0].state if known else "starting"
        return f"{sum(state.state == 'live' for state in known)} of {self.cameras} cameras live"

    def _rate(self) -> str:
        first, last = self.readings[0], self.readings[-1]
        seconds = (last.at_ns - first.at_ns) / 1e9
        rate = (last.published - first.published) / seconds / self.cameras if seconds else 0.0
        return f"{rate:.1f} fps" + (" a camera" if self.cameras > 1 else "")

    def _latency(self) -> str:
        recent = self.readings[-1].latencies - self.readings[0].latencies
        middle, high = percentile_ms(recent, 50), percentile_ms(recent, 95)
        return "latency –" if middle is None or high is None else f"latency {middle:.0f} ms (p95 {high:.0f})"


def _people(accounts: Sequence[Account]) -> str:
    people = sum(account.people for account in accounts)
    return "1 person" if people == 1 else f"{people} people"


def _drops(accounts: Sequence[Account]) -> str:
    captured = sum(account.captured for account in accounts)
    return f"{sum(account.dropped for account in accounts)} of {captured} frames dropped"


def summary(camera: str, account: Account) -> str:
    """The balance of a camera at the end of a run."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in account.drops.items())
    dropped = f"{account.dropped} dropped" + (f" ({reasons})" if reasons else "")
    return f"{camera}: {account.captured} frames captured = {account.published} published + {dropped}"
