"""Which frame of a source is written next, and under which number."""

from collections import deque

import pytest

from posestream.stream.sources.source import Policy
from posestream.stream.stages.capture.frame_queue import FrameQueue


class Arrivals:
    """A feed: what has arrived and was not taken, number and frame; a frame is its own number here."""

    def __init__(self, *numbers: int) -> None:
        self.waiting = deque(numbers)

    def take(self) -> tuple[int, int] | None:
        return (number := self.waiting.popleft(), number) if self.waiting else None

    def queue(self, policy: Policy, **options: int) -> FrameQueue[int]:
        return FrameQueue(self.take, policy, **options)


def drained(queue: FrameQueue[int]) -> list[int]:
    """The numbers under which frames are written, each as soon as it is at the head."""
    seqs = []
    while (head := queue.peek()) is not None:
        seqs.append(head[0])
        queue.pop()
    return seqs


@pytest.mark.parametrize("policy", ["latest", "every"])
def test_frames_that_are_written_at_once_are_all_written_in_order(policy: Policy) -> None:
    queue = Arrivals(0, 1, 2).queue(policy)
    assert drained(queue) == [0, 1, 2]
    assert queue.replaced() == []
    assert queue.peek() is None


def test_of_a_camera_a_newer_frame_replaces_the_one_at_the_head() -> None:
    arrivals = Arrivals(0, 1)
    queue = arrivals.queue("latest")
    assert queue.peek() == (0, 0)
    assert queue.peek() == (1, 1)
    assert queue.replaced() == [0]
    assert queue.replaced() == []
    arrivals.waiting.append(4)  # 2 and 3 were replaced in the feed
    assert queue.peek() == (4, 4)
    assert queue.replaced() == [1, 2, 3]


def test_what_was_replaced_in_the_feed_before_the_first_look_counts_too() -> None:
    queue = Arrivals(2).queue("latest")
    assert queue.peek() == (2, 2)
    assert queue.replaced() == [0, 1]


def test_of_a_file_the_frame_at_the_head_stays_until_it_is_written() -> None:
    arrivals = Arrivals(0, 1)
    queue = arrivals.queue("every")
    assert [queue.peek(), queue.peek()] == [(0, 0), (0, 0)]
    assert list(arrivals.waiting) == [1]
    queue.pop()
    assert queue.peek() == (1, 1)
    assert queue.replaced() == []


def test_the_head_is_seen_without_taking_anything() -> None:
    arrivals = Arrivals(0, 1)
    queue = arrivals.queue("latest")
    seen = [queue.head]
    queue.peek()
    seen.append(queue.head)
    assert list(arrivals.waiting) == [1]
    queue.pop()
    assert [*seen, queue.head] == [None, (0, 0), None]


def test_a_camera_counts_on_where_an_earlier_life_stopped() -> None:
    queue = Arrivals(0, 2).queue("latest", before=7)
    assert drained(queue) == [7, 9]
    assert queue.replaced() == [8]
    assert queue.captured(3) == 10


def test_a_file_begins_anew_and_passes_over_what_an_earlier_life_captured() -> None:
    queue = Arrivals(0, 1, 2, 3).queue("every", before=2)
    assert queue.captured(1) == 2
    assert drained(queue) == [2, 3]
    assert queue.replaced() == []
    assert queue.captured(4) == 4


def test_frames_beyond_the_number_that_is_wanted_are_neither_written_nor_counted() -> None:
    queue = Arrivals(0, 1, 2, 3).queue("every", limit=2)
    before = queue.complete
    assert drained(queue) == [0, 1]
    assert (before, queue.complete) == (False, True)
    assert queue.captured(4) == 2
    assert [queue.wanted(seq) for seq in (1, 2)] == [True, False]
    assert queue.replaced() == []


def test_without_a_limit_it_is_never_complete() -> None:
    queue = Arrivals(*range(5)).queue("every")
    drained(queue)
    assert not queue.complete
