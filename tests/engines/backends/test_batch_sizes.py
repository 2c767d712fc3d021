"""How images of several batches share buckets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posestream.engines.backends.batch_sizes import BucketCache, BucketPart, BucketRun, bucket_runs, pack, smallest_size
from posestream.engines.exceptions import NoRoomError


def test_batches_are_packed_together_and_the_rest_goes_into_the_next_group() -> None:
    assert list(pack([3, 2], 4)) == [[BucketPart(0, 0, 3, 0), BucketPart(1, 0, 1, 3)], [BucketPart(1, 1, 2, 0)]]


def test_empty_batches_are_no_work() -> None:
    assert list(pack([0, 0], 4)) == []


@given(st.lists(st.integers(0, 40), max_size=6), st.integers(1, 16))
def test_every_image_is_run_once_in_order(counts: list[int], max_size: int) -> None:
    groups = list(pack(counts, max_size))
    images = [(part.batch, i) for parts in groups for part in parts for i in range(part.start, part.stop)]
    assert images == [(batch, i) for batch, count in enumerate(counts) for i in range(count)]
    for parts in groups:
        assert [part.at for part in parts] == [sum(p.stop - p.start for p in parts[:i]) for i in range(len(parts))]
        assert sum(part.stop - part.start for part in parts) <= max_size


def test_only_images_of_one_shape_share_a_bucket_and_each_part_keeps_the_number_of_its_batch() -> None:
    small, large = (8, 8, 3), (16, 8, 3)
    assert list(bucket_runs([1, 3, 4], [small, large, small], [1, 4])) == [
        BucketRun((4, *small), [BucketPart(0, 0, 1, 0), BucketPart(2, 0, 3, 1)]),
        BucketRun((1, *small), [BucketPart(2, 3, 4, 0)]),
        BucketRun((4, *large), [BucketPart(1, 0, 3, 0)]),
    ]


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 4), (4, 4), (5, 8)])
def test_the_smallest_bucket_that_holds_them_is_taken(count: int, size: int) -> None:
    assert smallest_size(count, [1, 4, 8]) == size


def test_a_bucket_is_made_once_and_the_least_recently_used_goes_first() -> None:
    made: list[tuple[int, ...]] = []
    dropped: list[int] = []

    def make(shape: tuple[int, ...]) -> int:
        made.append(shape)
        return shape[0]

    buckets = BucketCache(make, dropped.append, evict=True)
    for side in range(16):
        buckets.get((side,))
    buckets.get((0,))
    buckets.get((16,))
    assert made == [(side,) for side in range(17)]
    assert dropped == [1]
    buckets.clear()
    assert sorted(dropped) == list(range(17))


class Room:
    """A device that has room for so many buckets."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.held: list[tuple[int, ...]] = []

    def make(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(self.held) >= self.room:
            raise NoRoomError("no room")
        self.held.append(shape)
        return shape

    def drop(self, shape: tuple[int, ...]) -> None:
        self.held.remove(shape)


def test_with_eviction_unused_buckets_make_room_for_a_new_one() -> None:
    device = Room(2)
    buckets = BucketCache(device.make, device.drop, evict=True)
    for side in (1, 2, 3):
        buckets.get((side,))
    assert device.held == [(2,), (3,)]
    device.room = 0
    with pytest.raises(NoRoomError):
        buckets.get((4,))


def test_without_eviction_no_bucket_makes_room_for_another() -> None:
    device = Room(1)
    buckets = BucketCache(device.make, device.drop, evict=False)
    buckets.get((1,))
    with pytest.raises(NoRoomError):
        buckets.get((2,))
    assert device.held == [(1,)]
