"""Waiting for a feed, woken by the feed itself."""

import select
import time
from collections.abc import Callable

from posestream.stream.published import CameraState
from posestream.stream.sources.feed.events import StateChange
from posestream.stream.sources.feed.feed import Feed
from posestream.stream.sources.source import SourceFrame

LIMIT_S = 30.0  # a longer wait has failed; no result depends on the time


def wait_until(feed: Feed, done: Callable[[], bool]) -> None:
    """Returns when `done()` is true, evaluated at each wakeup of the feed."""
    deadline = time.monotonic() + LIMIT_S
    while not done():
        left_s = deadline - time.monotonic()
        assert left_s > 0, f"it did not happen in {LIMIT_S} s: {feed.counts()}, {feed.events()}"
        select.select([feed], [], [], left_s)
        feed.drain()


def wait_for_state(feed: Feed, state: CameraState) -> StateChange:
    """The next change to `state`; takes all events up to it, and the frames that would hold it up."""
    seen: list[StateChange] = []

    def reached() -> bool:
        feed.take()
        seen.extend(e for e in feed.events() if isinstance(e, StateChange))
        return any(e.state == state for e in seen)

    wait_until(feed, reached)
    return next(e for e in seen if e.state == state)


def take(feed: Feed, count: int) -> list[tuple[int, SourceFrame]]:
    """The next `count` frames, fewer if the feed ends before."""
    taken: list[tuple[int, SourceFrame]] = []

    def enough() -> bool:
        while len(taken) < count and (item := feed.take()) is not None:
            taken.append(item)
        return len(taken) == count or feed.finished

    wait_until(feed, enough)
    return taken
