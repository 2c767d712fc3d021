"""A source kept alive: opened, read, watched and opened again on threads of its own, for one consumer that selects.

    connecting ──first frame──▶ live ──no frame for stall_s──▶ stalled ─┐      file: live ──last frame──▶ ended
        │                        │  ◀──────── first frame ──────────────┤                └─error──▶ lost, and `failed`
        └──cannot be opened──▶ lost ◀──disconnected, cannot be opened ──┘

A keeper thread starts one reader at a time and is its watchdog. A reader that hangs in native code is disowned and left
behind; at most `LEFT_BEHIND` of them, then no other is started until one comes back.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Literal, Self, TypeAlias

from posestream.stream.sources.feed.events import Counts, Event, State, StateChange, Undecodable
from posestream.stream.sources.feed.reader import Reader
from posestream.stream.sources.feed.wakeup import Bell
from posestream.stream.sources.redact import redact
from posestream.stream.sources.source import DecodeError, Frame, Source, SourceError

__all__ = ["Counts", "Event", "Feed", "Policy", "State", "StateChange", "Undecodable"]

Policy: TypeAlias = Literal["latest", "every"]

QUEUE = 2  # frames waiting in `every`: one to take, one to follow at once
LEFT_BEHIND = 3  # hung readers tolerated at once; each holds a thread and a connection
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.05, 1.0  # before another attempt to connect; it doubles in between
EVENTS = 1000  # the newest events kept for a consumer that does not ask
CLOSE_S = 0.5  # what `close` grants a read to come back


class Feed:
    """The frames of one source, across reconnects. The public methods are for one consumer thread.

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
        backoff_s: float = LONGEST_BACKOFF_S,
        fail_fast: bool = False,
    ) -> None:
        self.failed: SourceError | None = None
        """Why there will be no more frames: a file's error, or a `fail_fast` source that cannot be opened."""
        self._make = make
        self._policy = policy
        self._stall_ns = int(stall_s * 1e9)
        self._open_ns = int(open_s * 1e9)
        self._backoff_s = backoff_s
        self._fail_fast = fail_fast

        self._changed = threading.Condition()  # guards all below
        self._frames: deque[tuple[int, Frame]] = deque()
        self._events: deque[Event] = deque(maxlen=EVENTS)
        self._state: tuple[State, str] | None = None
        self._arrived = self._taken = self._replaced = self._undecodable = 0
        self._reader: Reader | None = None  # the one that is listened to
        self._left_behind: list[Reader] = []
        self._bug: BaseException | None = None
        self._over = False  # no reader will be started again
        self._closed = False

        self._bell = Bell()
        self._keeper = threading.Thread(target=self._run, name="feed", daemon=True)

    # What the consumer calls

    def start(self) -> Self:
        """Begins to connect; returns at once."""
        self._keeper.start()
        return self

    def fileno(self) -> int:
        """A descriptor that is readable when there is something new to take, or an event, or the end."""
        return self._bell.fileno()

    def drain(self) -> None:
        """Makes `fileno` unreadable until the next news. Call it before `events` and `take`, or news is missed."""
        self._bell.hush()

    def take(self) -> tuple[int, Frame] | None:
        """The next frame and its number among all that arrived, from 0: the newest in `latest`, the oldest in `every`.

        None where none waits. The frame's memory is the caller's. Raises RuntimeError where a source has a bug.
        """
        with self._changed:
            if self._frames:
                self._taken += 1
                self._changed.notify_all()  # there is room
                return self._frames.popleft()
            if self._bug is not None:
                raise RuntimeError(f"a source failed in a way it must not: {self._bug!r}") from self._bug
            return None

    def events(self) -> list[Event]:
        """What happened since the last call, in order."""
        with self._changed:
            events = list(self._events)
            self._events.clear()
            return events

    def counts(self) -> Counts:
        """The totals, consistent with one another."""
        with self._changed:
            return Counts(self._arrived, self._taken, self._replaced, self._undecodable, len(self._frames))

    @property
    def arrived(self) -> int:
        """Frames that the source delivered, damaged ones included."""
        return self._arrived

    @property
    def finished(self) -> bool:
        """True when no frame waits and none will come: `failed` says why, or is None at the end of a file."""
        with self._changed:
            return self._over and not self._frames and self._bug is None

    def close(self) -> None:
        """Stops within a second. A read that hangs is left behind. Frames taken before stay valid."""
        with self._changed:
            self._closed = self._over = True
            reader, self._reader = self._reader, None
            self._frames.clear()
            self._changed.notify_all()
        for thread in (self._keeper, reader):
            if thread is not None and thread.ident is not None:
                thread.join(CLOSE_S)
        self._bell.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    # What readers call, on their own threads

    def on_frame(self, reader: Reader, arrival: Frame | DecodeError) -> bool:
        """Numbers and keeps what arrived; False where this reader is no longer listened to."""
        with self._changed:
            while self._policy == "every" and len(self._frames) >= QUEUE and reader is self._reader:
                reader.asked_ns = None  # it is the consumer who is slow
                self._changed.wait()
            if reader is not self._reader:
                return False
            seq = self._arrived
            self._arrived += 1
            if isinstance(arrival, DecodeError):
                self._undecodable += 1
                self._events.append(Undecodable(seq, _line(arrival), time.monotonic_ns()))
            else:
                if self._policy == "latest":
                    self._replaced += len(self._frames)
                    self._frames.clear()
                self._frames.append((seq, arrival))
                self._enter("live", "")
            reader.frames += 1
            reader.asked_ns = time.monotonic_ns()
            self._changed.notify_all()  # the watchdog's deadline is another
            self._bell.ring()
            return True

    def on_end(self, reader: Reader) -> None:
        """Lets the keeper look at a reader that has ended, its own or one left behind."""
        with self._changed:
            if reader.bug is not None:
                self._bug = reader.bug
                self._bell.ring()
            self._changed.notify_all()

    # The keeper's thread

    def _run(self) -> None:
        with self._changed:
            try:
                self._keep()
            except SourceError as error:  # raised by `make`: trying again is no use
                self._fail(error)
            except BaseException as bug:
                self._bug = bug
                self._bell.ring()
                raise

    def _keep(self) -> None:
        self._enter("connecting", "")
        failures = 0  # in a row
        while not self._over:
            reader = self._reader = Reader(self._make(), self)
            reader.start()
            self._watch(reader)
            if self._closed:
                return
            self._reader = None
            self._judge(reader)
            failures = 0 if reader.frames else failures + 1
            pause_s = min(FIRST_BACKOFF_S * 2 ** min(failures, 10), self._backoff_s)
            self._changed.wait_for(lambda: self._over, pause_s)
            self._changed.wait_for(lambda: self._over or self._may_start())

    def _watch(self, reader: Reader) -> None:
        """Waits until `reader` has ended or is overdue."""
        while not (self._closed or reader.ended):
            overdue_ns = reader.overdue_ns(time.monotonic_ns(), self._open_ns, self._stall_ns)
            if overdue_ns is not None and overdue_ns >= 0:
                return
            self._changed.wait(None if overdue_ns is None else -overdue_ns / 1e9)

    def _judge(self, reader: Reader) -> None:
        """Says what became of `reader`, and whether there will be another."""
        hopeless = not reader.live or (self._fail_fast and not self._arrived)
        if reader.bug is not None:
            self._over = True
        elif not reader.ended:
            self._left_behind.append(reader)
            limit_ns, what = (self._stall_ns, "frame") if reader.frames else (self._open_ns, "picture after connecting")
            error = SourceError(f"{reader.source.name}: no {what} for {limit_ns / 1e9:g} s")
            if hopeless:
                self._fail(error)
            else:
                self._enter("stalled", _line(error))
        elif reader.error is None:
            self._over = True
            self._enter("ended", "")
        elif hopeless:
            self._fail(reader.error)
        else:
            self._enter("lost", _line(reader.error))

    def _fail(self, error: SourceError) -> None:
        self.failed = error
        self._over = True
        self._enter("lost", _line(error))

    def _may_start(self) -> bool:
        self._left_behind = [reader for reader in self._left_behind if not reader.ended]
        return len(self._left_behind) < LEFT_BEHIND

    def _enter(self, state: State, reason: str) -> None:
        if self._state != (state, reason):
            self._state = (state, reason)
            self._events.append(StateChange(state, reason, time.monotonic_ns()))
            self._bell.ring()


def _line(error: SourceError) -> str:
    return redact(" ".join(str(error).split()))
