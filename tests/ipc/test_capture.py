"""The capture process, on a folder of pictures: each once, and counted before it is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.ledger import Account
from posestream.stream.ipc.messages import (
    Credit,
    FrameFacts,
    FrameReady,
    Heartbeat,
    Message,
    NewGeometry,
    RingReady,
    SourceState,
    StageLost,
    Start,
)
from posestream.stream.ipc.ring import Layout, Ring
from tests.ipc.stage_run import StageRun

PICTURES, CREDITS, SLOTS = 8, 2, 4
DAMAGED = 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures 0.png, 1.png, ..., each as bright as its number; the one in the middle is damaged."""
    for i in range(PICTURES):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((48, 64, 3), 10 * i, np.uint8))
    (tmp_path / f"{DAMAGED}.png").write_bytes(b"\x89PNG and no more")
    return tmp_path


class Capturing:
    """The capture of cam0, and who answers it: the supervisor with rings, preprocess with credits."""

    def __init__(self, run: StageRun) -> None:
        self.run = run
        self.rings: list[Ring] = []

    def begin(self) -> None:
        """Starts a capture, lets it open its source and gives it the ring that it asks for."""
        self.child = self.run.started("capture.cam0")
        self.run.send("capture.cam0", Start())
        wanted = self.run.next(NewGeometry)
        geometry, epoch = Geometry(wanted.width, wanted.height, wanted.pixel_format), len(self.rings)
        path = self.run.topology.frame_ring("cam0", epoch)
        self.rings.append(Ring.create(path, Layout(SLOTS, geometry.nbytes, epoch, geometry)))
        self.run.send("capture.cam0", RingReady(camera="cam0", epoch=epoch, path=str(path), credits=CREDITS))

    def next(self) -> FrameFacts:
        return self.run.next(FrameReady, "preprocess.0").frame

    def credit(self, frame: FrameFacts) -> None:
        self.run.ledger.settle("cam0", frame.seq, "published")
        credit = Credit(camera="cam0", epoch=frame.epoch, slot=frame.slot, generation=frame.generation)
        self.run.send("capture.cam0", credit)

    def account(self) -> Account:
        return self.run.ledger.account("cam0")


@contextmanager
def capturing(shm: Path, folder: Path, **settings: Any) -> Iterator[Capturing]:
    with StageRun(shm, source=str(folder), policy="every", inboxes_of=("preprocess.0", "publish"), **settings) as run:
        capture = Capturing(run)
        capture.begin()
        yield capture


def test_every_picture_comes_once_in_order_and_the_damaged_one_is_a_drop(shm: Path, folder: Path) -> None:
    with capturing(shm, folder) as capture:
        seen = []
        for _ in range(PICTURES - 1):
            frame = capture.next()
            ring = capture.rings[frame.epoch]
            assert ring.intact(frame.slot, frame.generation)
            seen.append((frame.seq, int(ring.picture(frame.slot).mean())))
            assert capture.account().captured > frame.seq, "it was handed on before it was counted"
            capture.credit(frame)
        assert seen == [(seq, 10 * seq) for seq in range(PICTURES) if seq != DAMAGED]
        ended = capture.run.next(SourceState)
        while not ended.final:
            ended = capture.run.next(SourceState)
        assert (ended.state, ended.reason) == ("ended", "")
        assert capture.account() == Account(PICTURES, PICTURES - 1, {"undecodable": 1}, 0)


def test_without_credit_nothing_is_handed_on_and_leased_slots_stay_as_they_are(shm: Path, folder: Path) -> None:
    with capturing(shm, folder) as capture:
        first, second = capture.next(), capture.next()
        capture.credit(first)
        third = capture.next()
        ring = capture.rings[0]
        assert len({second.slot, third.slot}) == 2
        assert all(ring.intact(frame.slot, frame.generation) for frame in (second, third))
        assert capture.run._inboxes["preprocess.0"].drain() == []


def test_frames_held_by_a_dead_preprocess_are_dropped_and_capture_continues(shm: Path, folder: Path) -> None:
    with capturing(shm, folder) as capture:
        held = [capture.next().seq for _ in range(CREDITS)]
        capture.run.send("capture.cam0", StageLost(process="preprocess.0"))
        assert capture.next().seq == held[-1] + 1
        assert capture.account().drops["stage_lost"] == len(held)


def test_after_a_restart_it_continues_behind_its_captured_frames(shm: Path, folder: Path) -> None:
    with capturing(shm, folder) as capture:
        capture.credit(capture.next())
        frame, _ = capture.next(), capture.next()  # no credit is left: nothing more is on its way when it dies
        capture.child.kill()
        captured = capture.account().captured
        assert captured > frame.seq
        capture.begin()
        after = capture.next()
        assert (after.epoch, after.seq) == (1, next(seq for seq in range(captured, PICTURES) if seq != DAMAGED))
        assert min(capture.run.ledger.unsettled("cam0")) >= captured
        assert capture.account().published == 1
        assert not capture.run.ledger.settle("cam0", frame.seq, "published")


def test_a_new_publish_hears_how_the_camera_is(shm: Path, folder: Path) -> None:
    with capturing(shm, folder) as capture:
        capture.next()
        while capture.run.next(SourceState, "publish").state != "live":
            pass
        capture.run.send("capture.cam0", StageLost(process="publish"))
        assert capture.run.next(SourceState, "publish").state == "live"


def test_as_many_pictures_are_captured_as_were_asked_for(shm: Path, folder: Path) -> None:
    with capturing(shm, folder, run__frames=2) as capture:
        for seq in range(2):
            frame = capture.next()
            assert frame.seq == seq
            capture.credit(frame)
        while not capture.run.next(SourceState).final:
            pass
        assert capture.account() == Account(2, 2, {}, 0)


def test_pictures_of_many_sizes_have_one_ring_at_a_time(shm: Path, folder: Path) -> None:
    cv2.imwrite(str(folder / "1.png"), np.zeros((32, 32, 3), np.uint8))
    with capturing(shm, folder) as capture:
        first = capture.next()
        heartbeats = 0
        while heartbeats < 2:
            message = capture.run.next(Message)
            assert not isinstance(message, NewGeometry), "the first ring is still in use"
            heartbeats += isinstance(message, Heartbeat) and capture.account().captured > 1
        capture.credit(first)
        wanted = capture.run.next(NewGeometry)
        assert (wanted.width, wanted.height) == (32, 32)
