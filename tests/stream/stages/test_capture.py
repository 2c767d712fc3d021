"""capture: into which slot a frame goes, and when the slot is free again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from posestream.stream.ipc import shared_memory
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.messages import Credit, FrameFacts
from posestream.stream.ipc.ring import Layout, Ring
from posestream.stream.sources.source import DecodeError
from posestream.stream.stages.capture.capture import CaptureState, step

GEOMETRY = Geometry(16, 8, "i420")
SLOTS, CREDITS = 4, 2


@dataclass
class Flat:
    """A frame all of whose bytes are `value`, or that turns out to be damaged."""

    value: int
    damaged: bool = False
    arrived_ns: int = 1000
    source_ns: int | None = 77
    geometry: Geometry = GEOMETRY

    def write(self, slot: NDArray[np.uint8]) -> None:
        slot[:] = self.value
        if self.damaged:
            raise DecodeError("half of it is missing")


@pytest.fixture
def state(shm: Path) -> Iterator[CaptureState]:
    yield a_state(shm)


def a_state(folder: Path, epoch: int = 3) -> CaptureState:
    layout = Layout(SLOTS, GEOMETRY.nbytes, epoch, GEOMETRY)
    return CaptureState("cam0", Ring.create(folder / f"frames.{epoch}", layout), CREDITS)


def credit(frame: FrameFacts) -> Credit:
    return Credit(camera=frame.camera, epoch=frame.epoch, slot=frame.slot, generation=frame.generation)


def test_a_frame_lies_in_its_slot_and_its_facts_say_where(state: CaptureState) -> None:
    frame = step(state, 41, Flat(9), offset_ns=500)
    assert state.ring.bytes(frame.slot).tolist() == [9] * GEOMETRY.nbytes
    assert state.ring.intact(frame.slot, frame.generation)
    assert state.ring.find(41) == (frame.slot, frame.generation)
    assert (frame.camera, frame.epoch, frame.seq) == ("cam0", 3, 41)
    assert (frame.width, frame.height) == (16, 8)
    assert (frame.capture_ns, frame.capture_unix_ns, frame.source_ns) == (1000, 1500, 77)


def test_slots_go_round_so_that_the_last_frames_stay_readable(state: CaptureState) -> None:
    slots = []
    for seq in range(2 * SLOTS):
        frame = step(state, seq, Flat(seq), 0)
        state.release(credit(frame))
        slots.append(frame.slot)
    assert slots == [0, 1, 2, 3] * 2
    assert [state.ring.find(seq) is not None for seq in range(2 * SLOTS)] == [False] * SLOTS + [True] * SLOTS


def test_no_more_slots_are_leased_than_there_are_credits(state: CaptureState) -> None:
    frames = [step(state, seq, Flat(0), 0) for seq in range(CREDITS)]
    assert not state.has_credit
    state.release(credit(frames[0]))
    assert len(state.leased) == CREDITS - 1


def test_a_damaged_frame_leases_nothing_and_is_not_found(state: CaptureState) -> None:
    with pytest.raises(DecodeError):
        step(state, 5, Flat(1, damaged=True), 0)
    assert state.leased == {}
    assert state.ring.find(5) is None
    frame = step(state, 6, Flat(2), 0)
    assert state.ring.find(6) == (frame.slot, frame.generation)


def test_a_credit_for_another_lease_of_the_slot_is_not_meant(state: CaptureState) -> None:
    first = step(state, 0, Flat(0), 0)
    stale = Credit(camera="cam0", epoch=3, slot=first.slot, generation=first.generation - 2)
    other_epoch = Credit(camera="cam0", epoch=2, slot=first.slot, generation=first.generation)
    for wrong in (stale, other_epoch):
        state.release(wrong)
        assert state.leased == {first.slot: first.generation}
    state.release(credit(first))
    state.release(credit(first))
    assert state.leased == {}


def test_leases_lost_with_their_holder_end_and_name_their_frames(state: CaptureState) -> None:
    frames = [step(state, seq, Flat(0), 0) for seq in (7, 9)]
    assert state.lose() == [7, 9]
    assert state.has_credit
    state.release(credit(frames[0]))  # it comes too late
    assert state.lose() == []


def test_frames_leased_in_earlier_rings_are_lost_with_their_holder_too(shm: Path) -> None:
    before = a_state(shm, epoch=3)
    frames = [step(before, seq, Flat(0), 0) for seq in (7, 9)]
    state = a_state(shm, epoch=4)
    state.behind = before.under_way
    step(state, 11, Flat(0), 0)
    state.release(credit(frames[0]))
    assert state.lose() == [9, 11]
    assert state.lose() == []


@given(st.lists(st.integers(0, 3), max_size=60))
def test_a_leased_slot_is_never_written(choices: list[int]) -> None:
    """0 releases the oldest lease, 1 the newest, 2 writes a damaged frame, 3 a good one."""
    with TemporaryDirectory(dir=shared_memory.place()) as folder:
        state = a_state(Path(folder))
        leases: list[FrameFacts] = []
        for seq, choice in enumerate(choices):
            if choice < 2 and leases:
                state.release(credit(leases.pop(-choice)))
            elif choice >= 2 and state.has_credit:
                if choice == 2:
                    with pytest.raises(DecodeError):
                        step(state, seq, Flat(seq, damaged=True), 0)
                else:
                    leases.append(step(state, seq, Flat(seq), 0))
            assert state.leased == {frame.slot: frame.generation for frame in leases}
            for frame in leases:
                assert state.ring.intact(frame.slot, frame.generation)
                assert state.ring.bytes(frame.slot).tolist() == [frame.seq] * GEOMETRY.nbytes
