"""How images of several batches share the batch sizes that a device is ready for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posestream.engines.backends.batch_sizes import Buckets, Part, bucket_for, filled
from posestream.engines.exceptions import NoRoomError


def test_batches_go_together_and_what_does_not_fit_goes_next() -> None:
    assert list(filled([3, 2], 4)) == [[Part(0, 0, 3, 0), Part(1, 0, 1, 3)], [Part(1, 1, 2, 0)]]


def test_nobody_is_nothing_to_run() -> None:
    assert list(filled([0, 0], 4)) == []


@given(st.lists(st.integers(0, 40), max_size=6), st.integers(1, 16))
def test_every_image_is_run_once_in_order(counts: list[int], most: int) -> None:
    groups = list(filled(counts, most))
    images = [(part.batch, i) for parts in groups for part in parts for i in range(part.start, part.stop)]
    assert images == [(batch, i) for batch, count in enumerate(counts) for i in range(count)]
    for parts in groups:
        assert [part.at for part in parts] == [sum(p.stop - p.start for p in parts[:i]) for i in range(len(parts))]
        assert sum(part.stop - part.start for part in parts) <= most


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 4), (4, 4), (5, 8)])
def test_the_smallest_bucket_that_holds_them_is_taken(count: int, size: int) -> None:
    assert bucket_for(count, [1, 4, 8]) == size


def test_a_bucket_is_made_once_and_the_one_longest_unused_goes_first() -> None:
    made: list[tuple[int, ...]] = []
    dropped: list[int] = []

    def make(shape: tuple[int, ...]) -> int:
        made.append(shape)
        return shape[0]

    buckets = Buckets(make, dropped.append, follow=True)
    for side in range(16):
        buckets.of((side,))
    buckets.of((0,))
    buckets.of((16,))
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


def test_where_images_follow_the_frame_what_is_unused_makes_room_for_what_comes() -> None:
    device = Room(2)
    buckets = Buckets(device.make, device.drop, follow=True)
    for side in (1, 2, 3):
        buckets.of((side,))
    assert device.held == [(2,), (3,)]
    device.room = 0
    with pytest.raises(NoRoomError):
        buckets.of((4,))


def test_where_all_sizes_are_wanted_none_makes_room_for_another() -> None:
    device = Room(1)
    buckets = Buckets(device.make, device.drop, follow=False)
    buckets.of((1,))
    with pytest.raises(NoRoomError):
        buckets.of((2,))
    assert device.held == [(1,)]
