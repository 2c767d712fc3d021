"""The buffer between a feed's readers and its consumer: frames by policy, events, and totals that balance."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posestream.stream.sources.feed.arrival_buffer import MAX_EVENTS, MAX_WAITING, ArrivalBuffer
from posestream.stream.sources.feed.events import StateChange, Undecodable
from posestream.stream.sources.images import ImageFrame
from posestream.stream.sources.source import DecodeError, Policy

FRAME = ImageFrame(np.zeros((2, 2, 3), np.uint8), arrived_ns=0)
DAMAGED = DecodeError("rtsp://user:secret@cam: bits\nare missing")


def buffer(policy: Policy = "latest") -> ArrivalBuffer:
    return ArrivalBuffer(policy, lambda: None)


def taken(arrivals: ArrivalBuffer) -> list[int]:
    """The numbers of all frames that can be taken."""
    return [item[0] for item in iter(arrivals.take, None)]


@pytest.mark.parametrize("policy", ["latest", "every"])
@given(actions=st.lists(st.sampled_from(["frame", "damaged", "take"]), max_size=30))
def test_totals_balance_and_numbers_grow(policy: Policy, actions: list[str]) -> None:
    arrivals, sound, numbers = buffer(policy), [], []
    for action in actions:
        if action == "take":
            numbers += [item[0] for item in [arrivals.take()] if item]
        else:
            sound += [arrivals.arrived] if action == "frame" else []
            arrivals.add(FRAME if action == "frame" else DAMAGED)
        counts = arrivals.counts()
        assert counts.arrived == counts.taken + counts.replaced + counts.undecodable + counts.waiting
        assert counts.taken == len(numbers)
    numbers += taken(arrivals)
    assert numbers == (sound if policy == "every" else sorted(set(numbers)))
    assert numbers[-1:] == sound[-1:]  # the newest is never dropped


@pytest.mark.parametrize(("policy", "full"), [("latest", False), ("every", True)])
def test_only_every_makes_the_source_wait(policy: Policy, full: bool) -> None:
    arrivals = buffer(policy)
    for _ in range(MAX_WAITING):
        assert not arrivals.full
        arrivals.add(FRAME)
    assert arrivals.full is full
    arrivals.take()
    assert not arrivals.full


def test_a_state_is_an_event_when_it_or_its_reason_changes() -> None:
    arrivals = buffer()
    arrivals.enter("connecting", "")
    for reason in ("away", "away", "refused"):
        arrivals.enter("lost", reason)
    arrivals.add(FRAME)
    arrivals.add(FRAME)
    changes = [(event.state, event.reason) for event in arrivals.take_events() if isinstance(event, StateChange)]
    assert changes == [("connecting", ""), ("lost", "away"), ("lost", "refused"), ("live", "")]
    assert arrivals.take_events() == []


def test_a_damaged_frame_is_an_event_with_its_number_and_one_redacted_line() -> None:
    arrivals = buffer()
    arrivals.add(FRAME)
    arrivals.add(DAMAGED)
    (event,) = (event for event in arrivals.take_events() if isinstance(event, Undecodable))
    assert (event.seq, event.reason) == (1, "rtsp://***@cam: bits are missing")


def test_of_events_that_nobody_takes_the_newest_are_kept() -> None:
    arrivals = buffer()
    for _ in range(MAX_EVENTS + 5):
        arrivals.add(DAMAGED)
    assert [event.seq for event in arrivals.take_events() if isinstance(event, Undecodable)] == list(
        range(5, MAX_EVENTS + 5)
    )


def test_each_arrival_and_each_change_notifies() -> None:
    calls: list[None] = []
    arrivals = ArrivalBuffer("latest", partial(calls.append, None))
    for change in (
        *(partial(arrivals.add, each) for each in (FRAME, FRAME, DAMAGED)),
        partial(arrivals.enter, "lost", ""),
    ):
        calls.clear()
        change()
        assert calls
    calls.clear()
    arrivals.enter("lost", "")
    assert not calls
