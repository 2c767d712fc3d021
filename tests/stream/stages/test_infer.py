"""Which jobs infer takes together, and what becomes of output slots."""

import numpy as np
import pytest

from posestream.stream.ipc.messages import FrameFacts, OutputFree, StageLost, TensorsReady
from posestream.stream.stages.infer.infer import LONG_NS, InferState, Pace, are_numbers, late_jobs, next_jobs, take_in

WORKERS = {"cam0": "postprocess.0", "cam1": "postprocess.1"}


def job(camera: str, network: str, seq: int = 0, deadline_ns: int = 0) -> TensorsReady:
    frame = FrameFacts(
        camera=camera, epoch=0, seq=seq, slot=0, generation=2, width=640, height=480,
        capture_ns=0, capture_unix_ns=0, source_ns=None, stamps_ns={}, busy_ns={},
    )  # fmt: skip
    return TensorsReady(
        frame=frame, network=network, after=-1, deadline_ns=deadline_ns, worker="preprocess.0",
        tensor_slot=0, tensor_generation=2, shape=(1, 3, 4, 4), crops=[],
    )  # fmt: skip


def waiting(*jobs: TensorsReady, slots: int = 4) -> InferState:
    state = InferState({"postprocess.0": list(range(slots)), "postprocess.1": list(range(slots))})
    for each in jobs:
        take_in(state, each)
    return state


def test_jobs_of_several_cameras_for_the_same_network_run_together_oldest_first() -> None:
    state = waiting(job("cam0", "pose", 1), job("cam1", "detector", 2), job("cam1", "pose", 3))
    taken = next_jobs(state, WORKERS, together=4)
    assert [each.frame.seq for each, _ in taken] == [1, 3]
    assert [each.frame.seq for each, _ in next_jobs(state, WORKERS, together=4)] == [2]


def test_no_more_run_together_than_the_runtime_gains_from() -> None:
    state = waiting(*(job("cam0", "pose", seq) for seq in range(3)))
    assert len(next_jobs(state, WORKERS, together=2)) == 2


def test_a_job_without_an_output_slot_waits_and_the_other_cameras_go_on() -> None:
    state = waiting(job("cam0", "pose", 1), job("cam1", "pose", 2))
    state.free["postprocess.0"] = []
    assert [each.frame.seq for each, _ in next_jobs(state, WORKERS, together=4)] == [2]
    assert [each.frame.seq for each in state.jobs] == [1]


def test_a_frame_that_was_admitted_earlier_goes_first_in_its_second_pass_too() -> None:
    state = waiting(job("cam1", "pose", 8, deadline_ns=80), job("cam0", "pose", 3, deadline_ns=30))
    assert [each.frame.seq for each, _ in next_jobs(state, WORKERS, together=1)] == [3]


def test_jobs_whose_frames_were_given_up_meanwhile_are_not_run() -> None:
    state = waiting(*(job("cam0", "pose", seq, deadline_ns=10 * seq) for seq in range(4)))
    assert [each.frame.seq for each in late_jobs(state, now_ns=11)] == [0, 1]
    assert [each.frame.seq for each, _ in next_jobs(state, WORKERS, together=4)] == [2, 3]


def test_a_slot_comes_back_once_and_only_for_the_generation_that_was_lent() -> None:
    state = waiting(slots=0)
    state.lent["postprocess.0", 3] = 8
    take_in(state, OutputFree(worker="postprocess.0", slot=3, generation=6))
    assert state.free["postprocess.0"] == []
    for _ in range(2):
        take_in(state, OutputFree(worker="postprocess.0", slot=3, generation=8))
    assert state.free["postprocess.0"] == [3]


def test_the_slots_that_a_dead_postprocess_held_are_free_again() -> None:
    state = waiting(slots=0)
    state.lent |= {("postprocess.0", 0): 2, ("postprocess.1", 0): 2}
    take_in(state, StageLost(process="postprocess.0"))
    assert state.free == {"postprocess.0": [0], "postprocess.1": []}


def test_outputs_that_are_no_numbers_are_known_for_what_they_are() -> None:
    good = np.zeros((1, 17, 3), np.float32)
    for bad in (np.nan, np.inf):
        overflowed = good.copy()
        overflowed[0, 5, 1] = bad
        assert not are_numbers([good, overflowed])
    assert are_numbers([good, np.zeros(4, np.int32)])


# ---- how long calls take


def test_a_first_call_may_be_long_and_then_those_that_were() -> None:
    pace, shape = Pace(), (1, 3, 256, 192)
    assert pace.may_be_long("pose", shape)
    pace.note("pose", shape, LONG_NS // 100, timeout_ns=5 * LONG_NS)
    assert not pace.may_be_long("pose", shape)
    assert pace.may_be_long("pose", (2, 3, 256, 192))
    pace.note("pose", shape, 2 * LONG_NS, timeout_ns=5 * LONG_NS)
    assert pace.may_be_long("pose", shape)


@pytest.mark.parametrize(("compiled", "expected"), [(True, [True, False, False]), (False, [False, True, False])])
def test_a_network_too_slow_for_any_frame_is_told_of_once_but_not_for_compiling(
    compiled: bool, expected: list[bool]
) -> None:
    pace, shape = Pace(), (1, 3, 256, 192)
    told = [pace.note("pose", shape, 9 * LONG_NS, timeout_ns=5 * LONG_NS, compiled=compiled) for _ in range(3)]
    assert told == expected


def test_a_network_that_is_fast_enough_is_not_told_of() -> None:
    assert not Pace().note("pose", (1, 3, 256, 192), LONG_NS, timeout_ns=5 * LONG_NS)
