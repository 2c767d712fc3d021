"""Feeds of scripted sources: every read waits for the test to answer it."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.sources.feed.events import Counts, StateChange, Undecodable
from posestream.stream.sources.feed.feed import Feed
from posestream.stream.sources.feed.keeper import MAX_LEFT_BEHIND
from posestream.stream.sources.feed.reader import Reader
from posestream.stream.sources.source import DecodeError, SourceError, SourceFrame, SourceLost
from tests.stream.sources.watching import LIMIT_S, take, wait_for_state, wait_until

HANG = object()


@dataclass
class Numbered:
    """A frame whose pixels are its number."""

    number: int
    arrived_ns: int = 0
    source_ns: int | None = None

    @property
    def geometry(self) -> Geometry:
        return Geometry(2, 2, "bgr24")

    def write(self, slot: NDArray[np.uint8]) -> None:
        slot[:] = self.number


@dataclass
class Camera:
    """Makes connections whose reads return the items of `script`; at HANG a read waits for `release`."""

    live: bool = True
    name: str = "rtsp://user:secret@cam/live"
    refuse: SourceError | None = None
    script: "queue.SimpleQueue[object]" = field(default_factory=queue.SimpleQueue)
    release: threading.Event = field(default_factory=threading.Event)
    made: int = 0
    open_now: int = 0
    max_open: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self) -> "Connection":
        with self.changed:
            self.made += 1
        return Connection(self)

    def counts_open(self, step: int) -> None:
        with self.changed:
            self.open_now += step
            self.max_open = max(self.max_open, self.open_now)
            self.changed.notify_all()

    def wait_until(self, done: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(done, LIMIT_S)

    def plays(self, *script: object) -> None:
        for item in script:
            self.script.put(item)


class Connection:
    def __init__(self, camera: Camera) -> None:
        self.camera, self.script = camera, camera.script
        self.live, self.name = camera.live, camera.name

    def open(self) -> None:
        self.camera.counts_open(+1)
        if self.camera.refuse is not None:
            raise self.camera.refuse

    def read(self) -> SourceFrame | None:
        item = self.script.get()
        if item is HANG:
            self.camera.release.wait()
            raise SourceLost("let go")
        if isinstance(item, BaseException):
            raise item
        return Numbered(item) if isinstance(item, int) else None

    def close(self) -> None:
        self.camera.counts_open(-1)


@pytest.fixture
def camera() -> Iterator[Camera]:
    camera = Camera()
    yield camera
    camera.release.set()
    camera.plays(*[SourceLost("the test is over")] * (MAX_LEFT_BEHIND + 1))


def number(item: tuple[int, SourceFrame] | None) -> tuple[int, int]:
    """Sequence number, and the frame's own number."""
    assert item is not None
    seq, frame = item
    assert isinstance(frame, Numbered)
    return seq, frame.number


def states(feed: Feed) -> list[str]:
    return [event.state for event in feed.events() if isinstance(event, StateChange)]


class Nobody:
    """The listener of a reader that is never started."""

    def on_frame(self, reader: Reader, arrival: SourceFrame | DecodeError) -> bool:
        raise NotImplementedError

    def on_end(self, reader: Reader) -> None:
        raise NotImplementedError


def latest(camera: Camera, stall_s: float = 60, fail_fast: bool = False) -> Feed:
    return Feed(camera, "latest", stall_s=stall_s, open_s=60, fail_fast=fail_fast)


def every(camera: Camera) -> Feed:
    return Feed(camera, "every", stall_s=60, open_s=60)


def test_in_latest_the_newest_frame_replaces_the_one_that_waits(camera: Camera) -> None:
    with latest(camera) as feed:
        camera.plays(10, 11, 12)
        wait_until(feed, lambda: feed.arrived == 3)
        assert number(feed.take()) == (2, 12)
        assert feed.take() is None
        assert feed.counts() == Counts(arrived=3, taken=1, replaced=2, undecodable=0, waiting=0)


def test_in_every_all_frames_come_in_order_and_the_reader_waits(camera: Camera) -> None:
    camera.live = False
    with every(camera) as feed:
        camera.plays(*range(6), None)
        wait_until(feed, lambda: feed.arrived == 2)
        assert feed.counts() == Counts(arrived=2, taken=0, replaced=0, undecodable=0, waiting=2)
        assert [number(item) for item in take(feed, 6)] == [(n, n) for n in range(6)]


def test_a_file_ends_after_its_last_frame_was_taken(camera: Camera) -> None:
    camera.live = False
    with every(camera) as feed:
        camera.plays(0, None)
        wait_until(feed, lambda: "ended" in states(feed))
        assert (feed.finished, number(feed.take())) == (False, (0, 0))
        assert feed.finished
        assert feed.failed is None


def test_a_file_that_breaks_off_gives_its_frames_and_then_its_error(camera: Camera) -> None:
    camera.live = False
    with every(camera) as feed:
        camera.plays(0, 1, SourceLost("walk.mp4: truncated"))
        assert len(take(feed, 9)) == 2
        assert feed.finished
        assert "truncated" in str(feed.failed)
        assert camera.made == 1


def test_a_damaged_frame_uses_up_its_number_and_is_counted(camera: Camera) -> None:
    camera.live = False
    with every(camera) as feed:
        camera.plays(0, DecodeError("bits are missing"), 2, None)
        assert [number(item) for item in take(feed, 9)] == [(0, 0), (2, 2)]
        assert [event.seq for event in feed.events() if isinstance(event, Undecodable)] == [1]
        assert feed.counts() == Counts(arrived=3, taken=2, replaced=0, undecodable=1, waiting=0)


def test_a_lost_camera_is_opened_again_and_numbers_go_on(camera: Camera) -> None:
    with latest(camera) as feed:
        camera.plays(10)
        assert number(*take(feed, 1)) == (0, 10)
        camera.plays(SourceLost("the server went away"))
        assert wait_for_state(feed, "lost").reason == "the server went away"
        camera.plays(11)
        assert number(*take(feed, 1)) == (1, 11)
        assert states(feed) == ["live"]
        assert camera.made == 2


def test_a_camera_that_is_away_is_tried_for_ever_and_said_to_be_lost_once(camera: Camera) -> None:
    camera.refuse = SourceError("connection refused")
    with latest(camera) as feed:
        wait_for_state(feed, "lost")
        camera.wait_until(lambda: camera.made >= 4)
        assert states(feed) == []
        camera.refuse = None
        camera.plays(10)
        assert wait_for_state(feed, "live").reason == ""
        assert feed.failed is None


def test_a_read_that_hangs_is_noticed_left_behind_and_replaced(camera: Camera) -> None:
    with latest(camera, stall_s=0.1) as feed:
        camera.plays(10, HANG)
        assert "no frame for 0.1 s" in wait_for_state(feed, "stalled").reason
        camera.plays(11)
        assert number(*take(feed, 1)) == (1, 11)
        camera.wait_until(
            lambda: camera.open_now == camera.made >= 2
        )  # a source is not closed while a read hangs in it


def test_only_so_many_hung_reads_are_left_behind(camera: Camera) -> None:
    with Feed(camera, "latest", stall_s=0.01, open_s=0.01):
        camera.plays(*[HANG] * (MAX_LEFT_BEHIND + 1))
        camera.wait_until(lambda: camera.open_now == MAX_LEFT_BEHIND)
        camera.release.set()
        camera.wait_until(lambda: camera.made > MAX_LEFT_BEHIND)
        assert camera.max_open == MAX_LEFT_BEHIND


def test_a_frame_of_a_read_that_was_left_behind_is_not_taken_for_new(camera: Camera) -> None:
    with latest(camera, stall_s=0.1) as feed:
        camera.wait_until(lambda: camera.open_now == 1)
        late, camera.script = camera.script, queue.SimpleQueue()  # the next connection has a script of its own
        late.put(10)
        take(feed, 1)
        wait_for_state(feed, "stalled")
        late.put(99)
        camera.plays(11)
        assert number(*take(feed, 1)) == (1, 11)


@pytest.mark.parametrize(("frames", "limit_ns"), [(0, 5_000), (1, 2_000), (7, 2_000)])
def test_the_watchdog_gives_the_first_frame_more_time_than_the_next(frames: int, limit_ns: int, camera: Camera) -> None:
    reader = Reader(camera(), Nobody())
    reader.frames, reader.asked_ns = frames, 1_000_000
    assert reader.overdue_ns(1_000_000 + limit_ns, 5_000, 2_000) == 0
    assert reader.overdue_ns(1_000_000, 5_000, 2_000) == -limit_ns


def test_a_slow_consumer_and_a_file_are_not_watched(camera: Camera) -> None:
    reader = Reader(camera(), Nobody())
    reader.asked_ns = None
    assert reader.overdue_ns(10**18, 1, 1) is None
    camera.live = False
    assert Reader(camera(), Nobody()).overdue_ns(10**18, 1, 1) is None


def test_fail_fast_gives_up_a_camera_that_never_came(camera: Camera) -> None:
    camera.refuse = SourceError("connection refused")
    with latest(camera, fail_fast=True) as feed:
        wait_until(feed, lambda: feed.finished)
        assert str(feed.failed) == "connection refused"
        assert camera.made == 1


def test_fail_fast_keeps_a_camera_that_was_there(camera: Camera) -> None:
    with latest(camera, fail_fast=True) as feed:
        camera.plays(10, SourceLost("gone"), 11)
        wait_until(feed, lambda: feed.arrived == 2)
        assert feed.failed is None


def test_credentials_are_not_in_the_reasons(camera: Camera) -> None:
    camera.refuse = SourceError("rtsp://user:secret@cam/live?token=secret does not answer")
    with latest(camera) as feed:
        assert wait_for_state(feed, "lost").reason == "rtsp://***@cam/live?token=*** does not answer"


def test_a_bug_in_a_source_reaches_the_consumer(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", printed.append)
    with latest(camera) as feed:
        camera.plays(ZeroDivisionError("a bug"))
        with pytest.raises(RuntimeError, match="a bug"):
            wait_for_state(feed, "live")
    assert [args.exc_type for args in printed] == [ZeroDivisionError]


def test_closing_does_not_wait_for_a_read_that_hangs(camera: Camera) -> None:
    feed = latest(camera).start()
    camera.plays(10, HANG)
    take(feed, 1)
    feed.close()
    feed.close()
    assert camera.open_now == 1  # the read still hangs
    assert feed.finished


def test_closing_frees_the_source(camera: Camera) -> None:
    feed = every(camera).start()
    camera.plays(0, 1, 2)
    wait_until(feed, lambda: feed.arrived == 2)
    feed.close()
    assert camera.open_now == 0
