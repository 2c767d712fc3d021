"""What a source delivered and its consumer has not taken yet: frames by policy, and events; and the totals of both."""

import time
from collections import deque
from collections.abc import Callable

from posestream.stream.published import CameraState
from posestream.stream.sources.feed.events import Counts, Event, StateChange, Undecodable, reason_of
from posestream.stream.sources.source import DecodeError, Policy, SourceFrame

MAX_WAITING = 2  # frames in `every`: one to take, one to follow at once
MAX_EVENTS = 1000  # the newest, for a consumer that does not take them


class ArrivalBuffer:
    """Frames and events of one source, across its readers. Not thread-safe: the feed's condition guards it.

    `latest` keeps the newest frame, which the next one replaces; `every` keeps all, and is `full` at `MAX_WAITING`.
    `notify` is called when there is something new to take.
    """

    def __init__(self, policy: Policy, notify: Callable[[], None]) -> None:
        self.arrived = 0
        """Frames that the source delivered, damaged ones included."""
        self._taken = self._replaced = self._undecodable = 0
        self._policy = policy
        self.notify = notify
        self._frames: deque[tuple[int, SourceFrame]] = deque()
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._state: tuple[CameraState, str] | None = None

    @property
    def waiting(self) -> int:
        """Frames that can be taken."""
        return len(self._frames)

    @property
    def full(self) -> bool:
        """True if the source must wait until a frame is taken."""
        return self._policy == "every" and self.waiting >= MAX_WAITING

    def add(self, arrival: SourceFrame | DecodeError) -> None:
        """Numbers what arrived, from 0, and keeps it; a damaged frame uses up its number."""
        seq = self.arrived
        self.arrived += 1
        if isinstance(arrival, DecodeError):
            self._undecodable += 1
            self._events.append(Undecodable(seq, reason_of(arrival), time.monotonic_ns()))
        else:
            if self._policy == "latest":
                self._replaced += self.waiting
                self._frames.clear()
            self._frames.append((seq, arrival))
            self.enter("live", "")
        self.notify()

    def enter(self, state: CameraState, reason: str) -> None:
        """Makes an event of a state or a reason that is not the last one."""
        if self._state != (state, reason):
            self._state = (state, reason)
            self._events.append(StateChange(state, reason, time.monotonic_ns()))
            self.notify()

    def take(self) -> tuple[int, SourceFrame] | None:
        """The oldest frame, with its number; None if none waits."""
        if not self._frames:
            return None
        self._taken += 1
        return self._frames.popleft()

    def take_events(self) -> list[Event]:
        """The events since the last call, in order."""
        events = list(self._events)
        self._events.clear()
        return events

    def counts(self) -> Counts:
        return Counts(self.arrived, self._taken, self._replaced, self._undecodable, self.waiting)

    def discard_frames(self) -> None:
        """Frees the frames that wait."""
        self._frames.clear()
