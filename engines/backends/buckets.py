"""Images of several batches go into buckets: the few batch sizes that a device was made ready for."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

_Batch = TypeVar("_Batch")


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


def by_size(batches: Sequence[_Batch], sizes: Sequence[tuple[int, ...]]) -> list[tuple[tuple[int, ...], list[_Batch]]]:
    """The batches whose images have one size together, in the order in which the sizes come up."""
    groups: dict[tuple[int, ...], list[_Batch]] = {}
    for batch, size in zip(batches, sizes, strict=True):
        groups.setdefault(tuple(size), []).append(batch)
    return list(groups.items())


def count_of(parts: Sequence[Part]) -> int:
    """How many images the parts have together."""
    return sum(part.stop - part.start for part in parts)
