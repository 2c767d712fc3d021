"""One connection to a source: a thread that opens it, reads it until it ends or fails, and closes it.

A read may hang in native code for ever, and nothing can interrupt it there. So a reader can be disowned: its listener
turns away, and the reader closes its source when, and if, the read returns.
"""

import threading
import time
from typing import Protocol

from posestream.stream.sources.source import DecodeError, Source, SourceError, SourceFrame, SourceLost


class Listener(Protocol):
    """Receives what a reader reads. Called on the reader's thread."""

    def on_frame(self, reader: "Reader", arrival: SourceFrame | DecodeError) -> bool:
        """Takes what was read, after waiting for room; False makes the reader close and end."""
        ...

    def on_end(self, reader: "Reader") -> None:
        """The reader has closed its source; `reader.error` and `reader.bug` say why."""
        ...


class Reader(threading.Thread):
    """Reads one source to its end and hands each frame to a listener.

    `error` after the end: None for the end of a file, SourceLost for a live source that stopped, another SourceError
    for one that could not be opened. `bug` is an exception that no source may raise.
    """

    def __init__(self, source: Source, listener: Listener) -> None:
        super().__init__(name=f"source {source.name}", daemon=True)  # a hung read must not hold up the process's exit
        self.source = source
        self.live = source.live
        self.ended = False
        self.error: SourceError | None = None
        self.bug: BaseException | None = None
        self.frames = 0
        """Arrivals that the listener took."""
        self.asked_ns: int | None = time.monotonic_ns()
        """When the source was asked for the next frame; None while the listener makes it wait. Kept by the listener."""
        self._listener = listener

    def run(self) -> None:
        try:
            self._read_all()
        except SourceError as error:
            self.error = error
        except BaseException as bug:
            self.bug = bug
            raise
        finally:
            self.ended = True
            self._listener.on_end(self)

    def _read_all(self) -> None:
        source = self.source
        try:
            source.open()
            while (arrival := _read(source)) is not None:
                if not self._listener.on_frame(self, arrival):
                    return
            if self.live:
                raise SourceLost(f"{source.name}: the stream ended")
        finally:
            source.close()

    def overdue_ns(self, now_ns: int, first_frame_ns: int, next_frame_ns: int) -> int | None:
        """How far a live source is behind its deadline (negative: ahead of it); None without a deadline.

        Opening and the first frame have `first_frame_ns` together: a stream starts with its next key frame, which may
        be seconds away. From then on every frame has `next_frame_ns`.
        """
        if self.asked_ns is None or not self.live:
            return None
        return now_ns - self.asked_ns - (next_frame_ns if self.frames else first_frame_ns)


def _read(source: Source) -> SourceFrame | DecodeError | None:
    try:
        return source.read()
    except DecodeError as error:
        return error
