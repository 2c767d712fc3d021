"""Frames are concluded in their order, whatever the order in which their passes end."""

from posestream.stream.ipc.messages import Abandoned, AnotherPass, Done, FrameFacts, PosesReady
from posestream.stream.stages.postprocess.postprocess import PostprocessState, give_up, step
from tests.stream.people.figures import walker
from tests.stream.people.networks import detected, plan, posed, scene


def frame(seq: int) -> FrameFacts:
    return FrameFacts(
        camera="cam0", epoch=0, seq=seq, slot=0, generation=2, width=352, height=352,
        capture_ns=seq * 33_000_000, capture_unix_ns=0, source_ns=None, stamps_ns={}, busy_ns={},
    )  # fmt: skip


def state() -> PostprocessState:
    return PostprocessState(scene(plan(detect_every=1)), by_source=False)


def abandoned(seq: int, after: int) -> Abandoned:
    return Abandoned(camera="cam0", epoch=0, seq=seq, after=after, reason="timeout")


def published(said: list[AnotherPass | Done | PosesReady]) -> list[int]:
    return [message.frame.seq for message in said if isinstance(message, PosesReady)]


def test_a_frame_without_people_is_done_and_published_at_once() -> None:
    done, poses = step(state(), frame(3), -1, detected())
    assert isinstance(done, Done)
    assert isinstance(poses, PosesReady)
    assert (done.seq, poses.frame.seq, poses.people) == (3, 3, [])


def test_a_frame_waits_for_the_one_before_it() -> None:
    cameras = state()
    person = walker(180, 180)
    (again,) = step(cameras, frame(0), -1, detected(person.boxes_xyxy[0].tolist()))
    assert isinstance(again, AnotherPass)
    assert step(cameras, frame(1), 0, detected()) == []
    assert published(step(cameras, frame(0), -1, posed(again.crops, person))) == [0, 1]


def test_a_frame_that_was_given_up_holds_nobody_up() -> None:
    cameras = state()
    assert step(cameras, frame(2), 1, detected()) == []
    assert published(give_up(cameras, abandoned(1, after=-1))) == [2]


def test_behind_a_frame_that_was_given_up_the_older_one_still_comes_first() -> None:
    cameras = state()
    assert step(cameras, frame(2), 1, detected()) == []
    assert give_up(cameras, abandoned(1, after=0)) == []
    assert published(step(cameras, frame(0), -1, detected())) == [0, 2]


def test_outputs_of_a_frame_that_was_given_up_come_too_late() -> None:
    cameras = state()
    give_up(cameras, abandoned(0, after=-1))
    assert step(cameras, frame(0), -1, detected()) == []


def test_after_a_restart_of_preprocess_frames_go_on_with_their_numbers() -> None:
    cameras = state()
    assert published(step(cameras, frame(7), -1, detected())) == [7]
    assert published(step(cameras, frame(9), -1, detected())) == [9]


def test_what_waits_for_a_frame_that_died_with_preprocess_holds_nobody_up() -> None:
    """Its outputs may come after the death, when infer was busy with them."""
    cameras = state()
    assert step(cameras, frame(5), 4, detected()) == []
    assert step(cameras, frame(8), 7, detected()) == []
    assert published(step(cameras, frame(7), -1, detected())) == [7, 8]
