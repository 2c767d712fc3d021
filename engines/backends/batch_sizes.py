"""Bucketing: images of several batches run together, in the few batch sizes that a device has memory and graphs for.

A bucket is a batch of fixed shape on the device. Of three cameras with 3, 1 and 2 crops of one size, and batch sizes
1 and 4, a call makes two runs:

    batch       0 0 0 1 | 2 2
    bucket of   4         4, two rows of it padding
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from numpy.typing import NDArray

from posestream.engines.batches import Batch
from posestream.engines.exceptions import NoRoomError

_Bucket = TypeVar("_Bucket")
_MAX_BUCKETS = 16  # of a network whose input follows the frame: more sizes than a run has

Shape: TypeAlias = tuple[int, ...]
"""Of the images of a bucket, (N, ...), or of one image."""


class BucketPart(NamedTuple):
    """Images `start` to `stop` of batch number `batch`, in the rows of a bucket from `at` on."""

    batch: int
    start: int
    stop: int
    at: int


class BucketRun(NamedTuple):
    """One run of the bucket for images of `shape`, (N, ...); the rows behind its parts are padding."""

    shape: Shape
    parts: list[BucketPart]


def bucket_runs(counts: Sequence[int], image_shapes: Sequence[Shape], sizes: Sequence[int]) -> Iterator[BucketRun]:
    """The runs for batches of `counts[i]` images of `image_shapes[i]`, in order; batch `sizes` are ascending."""
    for image_shape in dict.fromkeys(image_shapes):
        batches = [i for i, shape in enumerate(image_shapes) if shape == image_shape]
        for parts in pack([counts[i] for i in batches], sizes[-1]):
            size = smallest_size(parts[-1].at + parts[-1].stop - parts[-1].start, sizes)
            yield BucketRun((size, *image_shape), [part._replace(batch=batches[part.batch]) for part in parts])


def pack(counts: Sequence[int], max_size: int) -> Iterator[list[BucketPart]]:
    """Splits the images of batches, `counts[i]` in batch i, into groups of `max_size` at most, in order."""
    parts: list[BucketPart] = []
    free = max_size
    for batch, count in enumerate(counts):
        start = 0
        while start < count:
            taken = min(count - start, free)
            parts.append(BucketPart(batch, start, start + taken, max_size - free))
            start, free = start + taken, free - taken
            if free == 0:
                yield parts
                parts, free = [], max_size
    if parts:
        yield parts


def smallest_size(count: int, sizes: Sequence[int]) -> int:
    """The smallest of `sizes` that holds `count` images; one of them does."""
    return min(size for size in sizes if size >= count)


class BucketCache(Generic[_Bucket]):
    """Buckets by the shape of their images, (N, ...), made at first use; of more than 16 the least recently used goes.

    `drop` is called with each bucket that goes; the device may still be working on it. `evict`: where the device is out
    of memory for a new bucket, old ones go until it fits, as suits images whose size follows the frame; otherwise all
    buckets are needed, and NoRoomError is raised.
    """

    def __init__(self, make: Callable[[Shape], _Bucket], drop: Callable[[_Bucket], None], *, evict: bool) -> None:
        self._make, self._drop, self._evict = make, drop, evict
        self._buckets: OrderedDict[Shape, _Bucket] = OrderedDict()

    def __iter__(self) -> Iterator[_Bucket]:
        return iter(self._buckets.values())

    def get(self, shape: Shape) -> _Bucket:
        """The bucket for that shape. Raises NoRoomError where the device is out of memory, and whatever `make` does."""
        if shape not in self._buckets:
            if len(self._buckets) == _MAX_BUCKETS:
                self._drop_oldest()
            self._buckets[shape] = self._made(shape)
        self._buckets.move_to_end(shape)
        return self._buckets[shape]

    def _made(self, shape: Shape) -> _Bucket:
        while True:
            try:
                return self._make(shape)
            except NoRoomError:
                if not self._evict or not self._buckets:
                    raise
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._drop(self._buckets.popitem(last=False)[1])

    def clear(self) -> None:
        """Drops all buckets."""
        while self._buckets:
            self._drop(self._buckets.popitem()[1])


class Bucket(Protocol):
    """A batch of fixed shape on the device; its calls only enqueue work."""

    def put(self, at: int, images: NDArray[Any]) -> None:
        """Copies images into the rows from `at` on."""
        ...

    def run(self) -> None:
        """Runs the network on all rows."""
        ...

    def take(self, number: int, at: int, array: NDArray[Any]) -> None:
        """Copies the rows of output `number` from `at` on into `array`."""
        ...


def run_in_buckets(bucket_for: Callable[[Shape], Bucket], sizes: Sequence[int], batches: Sequence[Batch]) -> None:
    """Enqueues all work of one call, in order, and waits for none of it; batch `sizes` are ascending."""
    counts, image_shapes = [len(batch.images) for batch in batches], [batch.images.shape[1:] for batch in batches]
    for shape, parts in bucket_runs(counts, image_shapes, sizes):
        bucket = bucket_for(shape)
        for part in parts:
            bucket.put(part.at, batches[part.batch].images[part.start : part.stop])
        bucket.run()
        for part in parts:
            for number, array in enumerate(batches[part.batch].outputs):
                bucket.take(number, part.at, array[part.start : part.stop])


@contextmanager
def synchronised(wait: Callable[[], None]) -> Iterator[None]:
    """Calls `wait` at the end of a block, after an error too: no copy from or to the host's memory is pending then."""
    try:
        yield
    finally:
        wait()
