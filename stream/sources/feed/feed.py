"""A source kept alive: opened, read, watched and opened again on threads of its own, for one consumer that selects.

    connecting ──first frame──▶ live ──no frame for stall_s──▶ stalled ─┐      file: live ──last frame──▶ ended
        │                        │  ◀──────── first frame ──────────────┤                └─error──▶ lost, and `failed`
        └──cannot be opened──▶ lost ◀──disconnected, cannot be opened ──┘

`keeper` starts and watches the readers; `arrival_buffer` holds what they delivered.
"""

import threading
from collections.abc import Callable
from typing import Self

from posestream.stream.sources.feed.arrival_buffer import ArrivalBuffer
from posestream.stream.sources.feed.events import Counts, Event
from posestream.stream.sources.feed.keeper import Keeper
from posestream.stream.sources.feed.wakeup import Wakeup
from posestream.stream.sources.source import Policy, Source, SourceError, SourceFrame

MAX_BACKOFF_S = 1.0


class Feed:
    """The frames of one source, across reconnects. Its methods are for one consumer thread.

    `latest` keeps the newest frame only, replaced unconverted by the next; `every` keeps two and makes the reader wait.
    `stall_s` without a frame makes a live source stalled; opening and the first frame have `open_s` together. Live
    sources are opened again for ever, after a pause that grows to `backoff_s`; with `fail_fast`, one that never gave a
    frame is given up.
    """

    def __init__(
        self,
        make: Callable[[], Source],
        policy: Policy,
        *,
        stall_s: float,
        open_s: float,
        backoff_s: float = MAX_BACKOFF_S,
        fail_fast: bool = False,
    ) -> None:
        self._wakeup = Wakeup()
        self._changed = threading.Condition()  # guards the buffer and the keeper
        self._buffer = ArrivalBuffer(policy, self._wakeup.set)
        self._keeper = Keeper(
            make,
            self._buffer,
            self._changed,
            stall_s=stall_s,
            open_s=open_s,
            backoff_s=backoff_s,
            fail_fast=fail_fast,
        )

    def start(self) -> Self:
        """Begins to connect; returns at once."""
        self._keeper.start()
        return self

    def fileno(self) -> int:
        """A descriptor that is readable when there is something new to take, or an event, or the end."""
        return self._wakeup.fileno()

    def drain(self) -> None:
        """Makes `fileno` unreadable until there is something new. Call it before `events` and `take`, not after."""
        self._wakeup.clear()

    def take(self) -> tuple[int, SourceFrame] | None:
        """The next frame and its number among all that arrived, from 0: the newest in `latest`, the oldest in `every`.

        None if none waits. The frame's memory is the caller's. Raises RuntimeError where a source has a bug.
        """
        with self._changed:
            item = self._buffer.take()
            if item is not None:
                self._changed.notify_all()  # there is room
            elif self._keeper.bug is not None:
                raise RuntimeError(f"unexpected exception in a source: {self._keeper.bug!r}") from self._keeper.bug
            return item

    def events(self) -> list[Event]:
        """The events since the last call, in order."""
        with self._changed:
            return self._buffer.take_events()

    def counts(self) -> Counts:
        """The totals, consistent with one another."""
        with self._changed:
            return self._buffer.counts()

    @property
    def arrived(self) -> int:
        """Frames that the source delivered, damaged ones included."""
        return self._buffer.arrived

    @property
    def failed(self) -> SourceError | None:
        """Why there will be no more frames: a file's error, or a `fail_fast` source that cannot be opened."""
        return self._keeper.failed

    @property
    def finished(self) -> bool:
        """True when no frame waits and none will come: `failed` is the reason, None at the end of a file."""
        with self._changed:
            return self._keeper.over and not self._buffer.waiting and self._keeper.bug is None

    def close(self) -> None:
        """Stops within a second. A read that hangs is left behind. Frames taken before stay valid."""
        self._keeper.close()
        with self._changed:
            self._buffer.discard_frames()
        self._wakeup.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()
