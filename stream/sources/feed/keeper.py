"""Keeps a source alive: starts one reader after the other, watches it, and decides what follows its end.

    opening ──first frame──▶ reading ──next frame──▶ reading      a full buffer makes it wait, unwatched
       │                        │
       ├─── end of file ────────┼──▶ ended          no other reader
       ├─── SourceError ────────┼──▶ lost           a pause, then the next reader; for a file none: `failed`
       ├─── no frame in time ───┼──▶ left behind    a pause, then the next reader; the source is "stalled"
       └─── close() ────────────┴──▶ disowned       no other reader

In time is `open_s` for opening and the first frame together, `stall_s` for each next frame; files are not watched.
With `fail_fast` a source that never gave a frame has no other reader either. A read that hangs in native code cannot be
interrupted: a reader left behind or disowned is not listened to any more, and closes its source when the read returns.
With `MAX_LEFT_BEHIND` of them left, no other is started until one has ended.
"""

import threading
import time
from collections.abc import Callable
from typing import Literal

from posestream.stream.sources.feed.arrival_buffer import ArrivalBuffer
from posestream.stream.sources.feed.events import reason_of
from posestream.stream.sources.feed.reader import Reader
from posestream.stream.sources.source import DecodeError, Source, SourceError, SourceFrame

MAX_LEFT_BEHIND = 3  # each holds a thread and a connection
MIN_BACKOFF_S = 0.05  # pause before the next reader; it doubles with each failure in a row
CLOSE_S = 0.5  # what `close` grants a read to return


class Keeper:
    """Keeps the readers of one source, on a thread of its own; the settings are those of `Feed`.

    `changed` guards it and `buffer`, which its readers fill.
    """

    def __init__(
        self,
        make: Callable[[], Source],
        buffer: ArrivalBuffer,
        changed: threading.Condition,
        *,
        stall_s: float,
        open_s: float,
        backoff_s: float,
        fail_fast: bool,
    ) -> None:
        self.over = False
        """True if no reader will be started again."""
        self.failed: SourceError | None = None
        """Why not, unless a file ended or the feed was closed."""
        self.bug: BaseException | None = None
        """An exception that no source may raise."""
        self._make = make
        self._buffer = buffer
        self._changed = changed
        self._stall_ns = int(stall_s * 1e9)
        self._open_ns = int(open_s * 1e9)
        self._backoff_s = backoff_s
        self._fail_fast = fail_fast
        self._closed = False
        self._reader: Reader | None = None  # the one that is listened to
        self._left_behind: list[Reader] = []
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begins to connect; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """Disowns the reader and ends, within a second. May be called before `start`, and twice."""
        with self._changed:
            self._closed = self.over = True
            reader, self._reader = self._reader, None
            self._changed.notify_all()
        for thread in (self._thread, reader):
            if thread is not None and thread.ident is not None:
                thread.join(CLOSE_S)

    # Called by readers, on their own threads

    def on_frame(self, reader: Reader, arrival: SourceFrame | DecodeError) -> bool:
        with self._changed:
            while self._buffer.full and reader is self._reader:
                reader.asked_ns = None  # the consumer is slow, not the source
                self._changed.wait()
            if reader is not self._reader:
                return False
            self._buffer.add(arrival)
            reader.frames += 1
            reader.asked_ns = time.monotonic_ns()
            self._changed.notify_all()  # the reader's deadline has moved
            return True

    def on_end(self, reader: Reader) -> None:
        with self._changed:
            if reader.bug is not None:
                self._fail_by(reader.bug)
            self._changed.notify_all()

    # On the keeper's own thread

    def _run(self) -> None:
        with self._changed:
            try:
                self._keep()
            except SourceError as error:  # raised by `make`: another attempt is no use
                self._give_up(error)
            except BaseException as bug:
                self._fail_by(bug)
                raise

    def _keep(self) -> None:
        self._buffer.enter("connecting", "")
        failures = 0  # in a row
        while not self.over:
            reader = self._reader = Reader(self._make(), self)
            reader.start()
            self._watch(reader)
            if self._closed:
                return
            self._reader = None
            self._judge(reader)
            failures = 0 if reader.frames else failures + 1
            pause_s = min(MIN_BACKOFF_S * 2 ** min(failures, 10), self._backoff_s)
            self._changed.wait_for(lambda: self.over, pause_s)
            self._changed.wait_for(lambda: self.over or self._may_start())

    def _watch(self, reader: Reader) -> None:
        """Waits until `reader` has ended or is overdue."""
        while not (self._closed or reader.ended):
            overdue_ns = reader.overdue_ns(time.monotonic_ns(), self._open_ns, self._stall_ns)
            if overdue_ns is not None and overdue_ns >= 0:
                return
            self._changed.wait(None if overdue_ns is None else -overdue_ns / 1e9)

    def _judge(self, reader: Reader) -> None:
        """Enters the state in which `reader` leaves the source, and decides whether another is started."""
        if reader.bug is not None:
            self.over = True
        elif not reader.ended:
            self._left_behind.append(reader)
            limit_ns, what = (self._stall_ns, "frame") if reader.frames else (self._open_ns, "picture after connecting")
            self._retry(reader, "stalled", SourceError(f"{reader.source.name}: no {what} for {limit_ns / 1e9:g} s"))
        elif reader.error is not None:
            self._retry(reader, "lost", reader.error)
        else:
            self.over = True
            self._buffer.enter("ended", "")

    def _retry(self, reader: Reader, state: Literal["stalled", "lost"], error: SourceError) -> None:
        if reader.live and (self._buffer.arrived or not self._fail_fast):
            self._buffer.enter(state, reason_of(error))
        else:
            self._give_up(error)

    def _give_up(self, error: SourceError) -> None:
        self.failed = error
        self.over = True
        self._buffer.enter("lost", reason_of(error))

    def _fail_by(self, bug: BaseException) -> None:
        self.bug = bug
        self._buffer.notify()

    def _may_start(self) -> bool:
        self._left_behind = [reader for reader in self._left_behind if not reader.ended]
        return len(self._left_behind) < MAX_LEFT_BEHIND
