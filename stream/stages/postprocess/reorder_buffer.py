"""Frames of one camera put back into their order: networks may finish a later frame first."""

from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class ReorderBuffer(Generic[ItemT]):
    """Holds items by frame number, and releases each after the one before it.

    Each frame names the frame `after` which it comes: the last one that was under way when it was admitted, or -1. So
    it need not wait for frames that were dropped before they were admitted.
    """

    def __init__(self) -> None:
        self.last = -1
        """The number of the frame that was released last."""
        self._waiting: dict[int, tuple[int, ItemT]] = {}

    def push(self, seq: int, after: int, item: ItemT) -> list[ItemT]:
        """Adds frame `seq`; returns the items whose turn it is now, in order.

        No frame between `after` and `seq` was under way when `seq` was admitted. One that waits there all the same
        waits for a frame that died with preprocess, and would hold up everybody: it is forgotten.
        """
        for orphan in [waiting for waiting in self._waiting if after < waiting < seq]:
            del self._waiting[orphan]
        self._waiting[seq] = (after, item)
        released = []
        while self._waiting and self._waiting[first := min(self._waiting)][0] <= self.last:
            released.append(self._waiting.pop(first)[1])
            self.last = first
        return released
