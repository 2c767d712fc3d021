"""Images of several batches go into buckets: the few batch sizes that a device was made ready for."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from numpy.typing import NDArray

from posestream.engines.batches import Batch
from posestream.engines.exceptions import NoRoomError

_Batch = TypeVar("_Batch")
_Bucket = TypeVar("_Bucket")
_MOST = 16  # of networks whose images follow the frame: more sizes than any run has cameras of


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


class Buckets(Generic[_Bucket]):
    """What is ready for images of a shape, (N, ...), made at first sight; of more than 16 the one longest unused goes.

    `drop` gets what goes: the device may still be at work on it. Where images `follow` the frame, what is unused also
    goes where the device has no room for another; else all are wanted.
    """

    def __init__(
        self, make: Callable[[tuple[int, ...]], _Bucket], drop: Callable[[_Bucket], None], *, follow: bool
    ) -> None:
        self._make, self._drop, self._follow = make, drop, follow
        self._held: OrderedDict[tuple[int, ...], _Bucket] = OrderedDict()

    def __iter__(self) -> Iterator[_Bucket]:
        return iter(self._held.values())

    def of(self, shape: tuple[int, ...]) -> _Bucket:
        """The bucket for that shape. Raises NoRoomError, and what making it raises."""
        if shape not in self._held:
            if len(self._held) == _MOST:
                self._drop_oldest()
            self._held[shape] = self._made(shape)
        self._held.move_to_end(shape)
        return self._held[shape]

    def _made(self, shape: tuple[int, ...]) -> _Bucket:
        while True:
            try:
                return self._make(shape)
            except NoRoomError:
                if not self._follow or not self._held:
                    raise
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._drop(self._held.popitem(last=False)[1])

    def clear(self) -> None:
        """Drops them all."""
        while self._held:
            self._drop(self._held.popitem()[1])


class Runnable(Protocol):
    """A bucket: images are put into its rows, it runs, and outputs are taken from the same rows."""

    def put(self, at: int, images: NDArray[Any]) -> None:
        """Copies images in, from row `at` on."""
        ...

    def run(self) -> None:
        """Runs the network on the images."""
        ...

    def take(self, number: int, at: int, array: NDArray[Any]) -> None:
        """Copies output `number` out, from row `at` on."""
        ...


def run_in_buckets(
    bucket_of: Callable[[tuple[int, ...]], Runnable], sizes: Sequence[int], batches: Sequence[Batch]
) -> None:
    """Gives a device all work of a call, in order, and waits for none of it; `sizes` are ascending."""
    for image_shape, alike in by_size(batches, [batch.images.shape[1:] for batch in batches]):
        for parts in filled([len(batch.images) for batch in alike], sizes[-1]):
            bucket = bucket_of((bucket_for(count_of(parts), sizes), *image_shape))
            for part in parts:
                bucket.put(part.at, alike[part.batch].images[part.start : part.stop])
            bucket.run()
            for part in parts:
                for number, array in enumerate(alike[part.batch].outputs):
                    bucket.take(number, part.at, array[part.start : part.stop])


@contextmanager
def waiting(wait: Callable[[], None]) -> Iterator[None]:
    """Ends a call, whatever became of it: nothing is under way any more, and the host's memory is free again."""
    try:
        yield
    finally:
        wait()
