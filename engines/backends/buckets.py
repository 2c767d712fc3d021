"""Images of several batches go into buckets: the few batch sizes that a device was made ready for."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Part(NamedTuple):
    """Images `start` to `stop` of batch number `batch`, which lie from `at` on in a bucket."""

    batch: int
    start: int
    stop: int
    at: int


def filled(counts: Sequence[int], most: int) -> Iterator[list[Part]]:
    """The images of batches with so many each, in order, `most` of them at a time."""
    parts: list[Part] = []
    room = most
    for batch, count in enumerate(counts):
        start = 0
        while start < count:
            taken = min(count - start, room)
            parts.append(Part(batch, start, start + taken, most - room))
            start, room = start + taken, room - taken
            if room == 0:
                yield parts
                parts, room = [], most
    if parts:
        yield parts


def bucket_for(count: int, sizes: Sequence[int]) -> int:
    """The smallest of `sizes` that holds `count` images; one does."""
    return min(size for size in sizes if size >= count)
