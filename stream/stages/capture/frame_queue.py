"""The frames of one source that wait to be written, with their numbers: of a camera the newest, of a file the next."""

from collections.abc import Callable
from typing import Generic, TypeVar

from posestream.stream.sources.source import Policy

FrameT = TypeVar("FrameT")


class FrameQueue(Generic[FrameT]):
    """A look-ahead of one frame into a feed.

    `take` gives what the feed has next, number among its arrivals and frame, or None. In `latest` a newer frame
    replaces the one at the head; in `every` the head stays until it is popped. A camera counts on from `before`, the
    frames that an earlier life of the process captured; a file begins anew, and its first `before` frames are passed
    over. `limit` is how many frames are wanted in all, 0 for no end.
    """

    def __init__(
        self, take: Callable[[], tuple[int, FrameT] | None], policy: Policy, *, before: int = 0, limit: int = 0
    ) -> None:
        self._take = take
        self._policy = policy
        self._before = before
        self._limit = limit
        self._head: tuple[int, FrameT] | None = None
        self._next_seq = before
        self._replaced: list[int] = []

    def peek(self) -> tuple[int, FrameT] | None:
        """The frame to write next and its number; takes a newer one from the feed where there is one."""
        if self._head is None or self._policy == "latest":
            self._advance()
        return self._head

    def pop(self) -> None:
        """The frame at the head was written."""
        self._head = None

    @property
    def head(self) -> tuple[int, FrameT] | None:
        """The frame to write next as it was last seen: what replaces it waits in the feed, where that costs least."""
        return self._head

    def replaced(self) -> list[int]:
        """The numbers of frames that newer ones replaced since the last call."""
        replaced, self._replaced = self._replaced, []
        return replaced

    def seq(self, arrival: int) -> int:
        """The number of the frame that arrived as number `arrival` at this process's feed."""
        return arrival + self._before if self._policy == "latest" else arrival

    def captured(self, arrivals: int) -> int:
        """How many frames count as captured, in all lives of the process, after `arrivals` at this feed."""
        arrived = self.seq(arrivals)
        return max(self._before, min(arrived, self._limit or arrived))

    def wanted(self, seq: int) -> bool:
        """False for a frame beyond the number that is wanted."""
        return not self._limit or seq < self._limit

    @property
    def complete(self) -> bool:
        """True where as many frames as are wanted were taken."""
        return not self.wanted(self._next_seq)

    def _advance(self) -> None:
        while (taken := self._take()) is not None:
            seq = self.seq(taken[0])
            if seq >= self._next_seq and self.wanted(seq):
                first_replaced = self._next_seq if self._head is None else self._head[0]
                self._replaced += range(first_replaced, seq)
                self._head = (seq, taken[1])
                self._next_seq = seq + 1
                return
