"""Which frame enters when, through which passes it goes, and when its slot is free again."""

from collections.abc import Iterable
from typing import Any

import pytest

from posestream.engines.plan import Plan, Region
from posestream.engines.zoo.catalogue import find
from posestream.stream.ipc.messages import (
    Abandoned,
    AnotherPass,
    AnyMessage,
    Credit,
    Done,
    FrameFacts,
    FrameReady,
    Released,
    RingsReleased,
    StageLost,
    TensorFree,
)
from posestream.stream.stages.preprocess.admission import Action, AdmissionState, Cut, Drop, Lane, Send, step

DETECTOR, POSE, WHOLE = find("nanodet"), find("movenet-lightning"), find("movenet-multipose")
FOLLOWING = Plan(POSE, DETECTOR, detect_every=3)
DETECTING = Plan(POSE, DETECTOR, detect_every=1)
ONE_PASS = Plan(WHOLE)
TIMEOUT_NS = 1000
CROPS = [Region(10.0, 10.0, 50.0, 90.0, 0.0, person=4)]


def a_lane(plan: Plan = FOLLOWING, camera: str = "cam0", readers: tuple[str, ...] = ()) -> Lane:
    return Lane(camera, plan, "postprocess.0", readers)


def a_state(*lanes: Lane, slots: int = 4) -> AdmissionState:
    return AdmissionState({lane.camera: lane for lane in lanes}, list(range(slots)), TIMEOUT_NS)


def a_frame(seq: int, camera: str = "cam0", **changes: Any) -> FrameFacts:
    facts: dict[str, Any] = {
        "camera": camera,
        "epoch": 0,
        "seq": seq,
        "slot": seq % 4,
        "generation": 2 * seq + 2,
        "width": 640,
        "height": 480,
        "capture_ns": 100 * seq,
        "capture_unix_ns": 0,
        "source_ns": None,
        "stamps_ns": {},
        "busy_ns": {},
    }
    return FrameFacts(**{**facts, **changes})


def ready(*seqs: int, camera: str = "cam0", **changes: Any) -> list[AnyMessage]:
    return [FrameReady(frame=a_frame(seq, camera, **changes)) for seq in seqs]


def done(seq: int, crops: Iterable[Region] = (), camera: str = "cam0") -> Done:
    return Done(camera=camera, epoch=0, seq=seq, crops=list(crops))


def again(seq: int, crops: Iterable[Region] = CROPS) -> AnotherPass:
    return AnotherPass(frame=a_frame(seq), network=POSE.name, crops=list(crops))


def abandoned(seq: int, reason: str = "failed") -> Abandoned:
    return Abandoned(camera="cam0", epoch=0, seq=seq, after=-1, reason=reason)


def released(seq: int, by: str) -> Released:
    return Released(camera="cam0", epoch=0, seq=seq, by=by)


def take(state: AdmissionState, *messages: AnyMessage, now_ns: int = 0) -> list[Action]:
    """A step, and what preprocess does after it: slots of cuts are lent until infer has read them."""
    actions = step(state, messages, now_ns)
    for cut in cuts(actions):
        state.lent[cut.slot] = 2
    return actions


def cuts(actions: Iterable[Action]) -> list[Cut]:
    return [action for action in actions if isinstance(action, Cut)]


def cut_seqs(actions: Iterable[Action]) -> list[tuple[str, int]]:
    return [(cut.frame.camera, cut.frame.seq) for cut in cuts(actions)]


def drops(actions: Iterable[Action]) -> list[tuple[int, str]]:
    return [(action.seq, action.reason) for action in actions if isinstance(action, Drop)]


def sent(actions: Iterable[Action], kind: type) -> list[Any]:
    return [action.message for action in actions if isinstance(action, Send) and isinstance(action.message, kind)]


def credited(actions: Iterable[Action]) -> list[int]:
    """The slots that capture gets back."""
    return [credit.slot for credit in sent(actions, Credit)]


# ---- who is admitted


def test_a_frame_is_cut_for_the_network_that_sees_it_first() -> None:
    (cut,) = take(a_state(a_lane()), *ready(0))
    assert cut == Cut(a_frame(0), DETECTOR, (), after=-1, deadline_ns=TIMEOUT_NS, slot=0)


def test_where_regions_feed_back_the_next_frame_waits_until_the_one_before_is_done() -> None:
    state = a_state(a_lane(FOLLOWING))
    assert cut_seqs(take(state, *ready(0, 1))) == [("cam0", 0)]
    assert cuts(take(state, TensorFree(slot=0, generation=2))) == []
    actions = take(state, done(0, CROPS))
    assert cut_seqs(actions) == [("cam0", 1)]
    assert credited(actions) == [0]


def test_without_feedback_frames_enter_as_long_as_there_are_slots_and_know_whom_they_follow() -> None:
    state = a_state(a_lane(ONE_PASS), slots=3)
    entered = cuts(take(state, *ready(0, 1, 2, 3)))
    assert [(cut.frame.seq, cut.after, cut.slot) for cut in entered] == [(0, -1, 0), (1, 0, 1), (2, 1, 2)]
    (late,) = cuts(take(state, done(1), TensorFree(slot=1, generation=2)))
    assert (late.frame.seq, late.after, late.slot) == (3, 2, 1)


def test_a_frame_that_is_done_is_not_followed_though_it_is_still_read() -> None:
    state = a_state(a_lane(ONE_PASS, readers=("sink.0",)))
    take(state, *ready(0))
    take(state, done(0))
    assert cuts(take(state, *ready(1)))[0].after == -1


def test_the_first_pass_goes_by_the_count_of_admitted_frames() -> None:
    """Looked for anew in every third one admitted, whatever its number, and whenever nobody is followed."""
    state = a_state(a_lane(FOLLOWING))
    networks = []
    for seq, crops in ((0, CROPS), (5, CROPS), (6, []), (9, CROPS), (11, CROPS), (12, CROPS), (20, CROPS)):
        (cut,) = cuts(take(state, *ready(seq)))
        networks.append((cut.network.name, len(cut.crops)))
        take(state, done(seq, crops), TensorFree(slot=cut.slot, generation=2))
    find_people, follow = (DETECTOR.name, 0), (POSE.name, 1)
    assert networks == [find_people, follow, follow, find_people, follow, follow, find_people]


def test_regions_are_those_of_the_frame_before() -> None:
    state = a_state(a_lane(FOLLOWING))
    take(state, *ready(0), now_ns=0)
    (cut,) = cuts(take(state, done(0, CROPS), *ready(1)))
    assert (cut.network, cut.crops) == (POSE, tuple(CROPS))


def test_cameras_take_turns_by_the_age_of_their_frames() -> None:
    lanes = [a_lane(ONE_PASS, f"cam{i}") for i in range(3)]
    state = a_state(*lanes, slots=1)
    waiting = [*ready(0, 1, 2, camera="cam0", capture_ns=50), *ready(3, camera="cam1", capture_ns=40)]
    entered = cut_seqs(take(state, *waiting, *ready(7, camera="cam2", capture_ns=60)))
    for _ in range(4):
        entered += cut_seqs(take(state, TensorFree(slot=0, generation=2)))
    assert entered == [("cam1", 3), ("cam0", 0), ("cam0", 1), ("cam0", 2), ("cam2", 7)]


def test_a_camera_with_many_frames_keeps_nobody_else_out() -> None:
    state = a_state(a_lane(ONE_PASS, "cam0"), a_lane(ONE_PASS, "cam1"), slots=1)
    entered = cut_seqs(take(state, *ready(*range(20))))
    for seq in range(100, 110):
        frame = ready(seq, camera="cam1", capture_ns=100 * (seq - 100) + 50)
        entered += cut_seqs(take(state, *frame, TensorFree(slot=0, generation=2)))
    assert [camera for camera, _ in entered].count("cam1") >= 5


def test_one_camera_that_waits_holds_no_other_up() -> None:
    state = a_state(a_lane(FOLLOWING, "cam0"), a_lane(FOLLOWING, "cam1"))
    take(state, *ready(0, 1, camera="cam0"))
    assert cut_seqs(take(state, *ready(0, camera="cam1"))) == [("cam1", 0)]


# ---- further passes


def test_a_further_pass_over_a_frame_goes_before_new_frames() -> None:
    state = a_state(a_lane(DETECTING), slots=1)
    take(state, *ready(0, 1))
    (cut,) = cuts(take(state, again(0), TensorFree(slot=0, generation=2)))
    assert (cut.frame.seq, cut.network, cut.crops) == (0, POSE, tuple(CROPS))


def test_a_further_pass_waits_for_a_slot() -> None:
    state = a_state(a_lane(DETECTING), slots=1)
    take(state, *ready(0))
    assert take(state, again(0)) == []
    assert cut_seqs(take(state, TensorFree(slot=0, generation=2))) == [("cam0", 0)]


def test_a_further_pass_carries_the_times_of_the_pass_before() -> None:
    state = a_state(a_lane())
    take(state, *ready(0))
    looked_at = a_frame(0, busy_ns={"infer": 5})
    (cut,) = cuts(take(state, AnotherPass(frame=looked_at, network=POSE.name, crops=CROPS)))
    assert cut.frame == looked_at


def test_a_further_pass_over_a_frame_that_was_given_up_is_passed_over() -> None:
    state = a_state(a_lane(), slots=1)
    take(state, *ready(0))
    take(state, again(0))  # it waits for the slot
    take(state, abandoned(0))
    assert cuts(take(state, again(0), TensorFree(slot=0, generation=2))) == []
    assert state.free == [0]


# ---- when a slot is free again


def test_a_slot_is_credited_when_its_frame_is_done_and_all_readers_have_let_go() -> None:
    state = a_state(a_lane(ONE_PASS, readers=("sink.0", "sink.1")))
    take(state, *ready(0, 1))
    assert credited(take(state, released(0, "sink.1"), done(0))) == []
    assert credited(take(state, released(1, "sink.0"), released(1, "sink.1"))) == []
    assert credited(take(state, released(0, "sink.0"))) == [0]
    assert credited(take(state, done(1))) == [1]


def test_a_credit_names_the_lease_and_goes_to_its_capture() -> None:
    state = a_state(a_lane(ONE_PASS))
    take(state, *ready(6))
    assert Send("capture.cam0", Credit(camera="cam0", epoch=0, slot=2, generation=14)) in take(state, done(6))


@pytest.mark.parametrize("second", [done(0), released(0, "sink.0"), abandoned(0)], ids=["done", "released", "given up"])
@pytest.mark.parametrize("first", [[done(0), released(0, "sink.0")], [abandoned(0)]], ids=["done", "given up"])
def test_what_comes_after_a_frame_has_left_changes_nothing(first: list[AnyMessage], second: AnyMessage) -> None:
    state = a_state(a_lane(ONE_PASS, readers=("sink.0",)))
    take(state, *ready(0))
    assert credited(take(state, *first)) == [0]
    assert take(state, second) == []


def test_tensors_are_freed_by_those_who_know_their_generation() -> None:
    state = a_state(a_lane(ONE_PASS), slots=1)
    take(state, *ready(0))
    take(state, TensorFree(slot=0, generation=4))
    assert state.free == []
    take(state, TensorFree(slot=0, generation=2), TensorFree(slot=0, generation=2))
    assert state.free == [0]


# ---- frames that are given up


def test_a_frame_that_cannot_be_finished_is_dropped_told_and_credited() -> None:
    state = a_state(a_lane())
    take(state, *ready(3))
    actions = take(state, abandoned(3, "torn"))
    assert drops(actions) == [(3, "torn")]
    assert credited(actions) == [3]
    assert Send("postprocess.0", abandoned(3, "torn")) in actions


def test_a_frame_is_given_up_after_the_timeout_and_not_before() -> None:
    state = a_state(a_lane(ONE_PASS))
    take(state, *ready(0), now_ns=50)
    assert take(state, now_ns=50 + TIMEOUT_NS) == []
    actions = take(state, now_ns=51 + TIMEOUT_NS)
    assert (drops(actions), credited(actions)) == ([(0, "timeout")], [0])


def test_the_timeout_counts_from_admission_over_all_passes() -> None:
    state = a_state(a_lane())
    take(state, *ready(0), now_ns=0)
    take(state, again(0), now_ns=TIMEOUT_NS - 1)
    assert drops(take(state, now_ns=TIMEOUT_NS + 1)) == [(0, "timeout")]


def test_a_frame_that_is_done_is_not_late_however_long_its_readers_take() -> None:
    state = a_state(a_lane(ONE_PASS, readers=("sink.0",)))
    take(state, *ready(0))
    take(state, done(0))
    assert take(state, now_ns=10 * TIMEOUT_NS) == []


def test_a_frame_that_is_done_cannot_be_given_up_any_more() -> None:
    state = a_state(a_lane(ONE_PASS, readers=("sink.0",)))
    take(state, *ready(0))
    take(state, done(0))
    assert take(state, abandoned(0)) == []


def test_a_frame_given_up_makes_room_for_the_next_which_looks_for_people_anew() -> None:
    state = a_state(a_lane(FOLLOWING))
    take(state, *ready(0, 1, 2))
    take(state, done(0, CROPS))
    (cut,) = cuts(take(state, abandoned(1)))
    assert (cut.frame.seq, cut.network, cut.crops, cut.after) == (2, DETECTOR, (), -1)


# ---- processes that die


def busy_state(readers: tuple[str, ...] = ("sink.0",)) -> AdmissionState:
    """Of cam0 frame 0 is done but read, 1 is under way, 2 waits for a slot; of cam1 frame 0 is under way."""
    other = Lane("cam1", ONE_PASS, "postprocess.1", ())
    state = a_state(a_lane(ONE_PASS, readers=readers), other, slots=3)
    take(state, *ready(0, 1))
    take(state, done(0))
    take(state, *ready(0, camera="cam1", capture_ns=5))
    take(state, *ready(2))
    return state


@pytest.mark.parametrize(
    ("process", "dropped", "freed"),
    [
        ("capture.cam0", {"cam0": [2, 0, 1]}, 0),
        ("capture.cam1", {"cam1": [0]}, 0),
        ("infer", {"cam0": [1], "cam1": [0]}, 3),
        ("postprocess.0", {"cam0": [0, 1]}, 0),
        ("postprocess.1", {"cam1": [0]}, 0),
        ("publish", {"cam0": [0, 1], "cam1": [0]}, 0),
        ("sink.0", {}, 0),
        ("page", {}, 0),
        ("preprocess.1", {}, 0),
    ],
)
def test_what_a_dead_process_may_have_held_is_dropped_and_nothing_else(
    process: str, dropped: dict[str, list[int]], freed: int
) -> None:
    state = busy_state()
    actions = step(state, [StageLost(process=process)], 0)
    lost = [action for action in actions if isinstance(action, Drop)]
    assert {action.reason for action in lost} <= {"stage_lost"}
    assert {camera: [d.seq for d in lost if d.camera == camera] for camera in dropped} == dropped
    assert len(lost) == sum(map(len, dropped.values()))
    assert len(state.free) + len(cuts(actions)) == freed
    assert len(sent(actions, Credit)) == len(lost) + (process == "sink.0")


def test_a_dead_sink_lets_go_of_what_is_done_and_of_what_may_have_been_sent_to_it() -> None:
    """Word that frame 1 is done may be on the way while its sample died with the sink: nobody would release it."""
    state = busy_state()
    assert credited(step(state, [StageLost(process="sink.0")], 0)) == [0]
    assert credited(take(state, done(1))) == [1]
    assert credited(take(state, released(1, "sink.0"))) == []


def test_what_publish_may_not_have_sent_is_settled_when_it_dies() -> None:
    """Settling what it did send changes nothing, for the ledger decides once.

    Frame 2 is not done as far as admission has heard; that word may be on the way, and its people died with publish.
    """
    state = a_state(a_lane(ONE_PASS), slots=8)
    take(state, *ready(0, 1, 2))
    take(state, done(0), done(1))
    assert sorted(drops(take(state, StageLost(process="publish")))) == [(seq, "stage_lost") for seq in (0, 1, 2)]
    assert drops(take(state, done(2))) == []
    assert drops(take(state, StageLost(process="publish"))) == []


def test_nobody_is_followed_after_who_knew_them_died() -> None:
    state = a_state(a_lane(FOLLOWING))
    take(state, *ready(0))
    take(state, done(0, CROPS))
    take(state, StageLost(process="postprocess.0"))
    (cut,) = cuts(take(state, *ready(1)))
    assert cut.network is DETECTOR


def test_a_tensor_that_a_dead_infer_had_is_not_freed_twice() -> None:
    state = a_state(a_lane(ONE_PASS), slots=2)
    take(state, *ready(0))
    take(state, StageLost(process="infer"))
    take(state, TensorFree(slot=0, generation=2))
    assert sorted(state.free) == [0, 1]


def test_a_late_word_about_a_captures_death_leaves_its_successor_no_lease_open() -> None:
    """The inbox keeps the order of each sender, not of all: a successor's frame may be read first."""
    state = a_state(a_lane(FOLLOWING))
    take(state, *ready(0))
    actions = take(state, *ready(1, epoch=1), StageLost(process="capture.cam0"))
    assert drops(actions) == [(1, "stage_lost"), (0, "stage_lost")]
    assert {(credit.epoch, credit.slot) for credit in sent(actions, Credit)} == {(0, 0), (1, 1)}


# ---- rings of former epochs


def test_a_ring_is_left_when_nothing_under_way_lies_in_it() -> None:
    state = a_state(a_lane(ONE_PASS, readers=("sink.0",)), slots=1)
    take(state, *ready(0, 1))
    assert sent(take(state, *ready(2, epoch=1)), RingsReleased) == []
    assert sent(take(state, done(0), TensorFree(slot=0, generation=2)), RingsReleased) == []
    assert sent(take(state, released(0, "sink.0")), RingsReleased) == []  # frame 1 is still under way
    assert sent(take(state, abandoned(1)), RingsReleased) == [RingsReleased(camera="cam0", epoch=1)]


def test_a_ring_is_left_at_once_where_nothing_is_under_way() -> None:
    state = a_state(a_lane())
    take(state, *ready(0))
    take(state, done(0))
    assert sent(take(state, *ready(1, epoch=1)), RingsReleased) == [RingsReleased(camera="cam0", epoch=1)]
    assert sent(take(state, done(1), *ready(2, epoch=1)), RingsReleased) == []


def test_a_frame_of_a_ring_that_was_left_is_lost() -> None:
    state = a_state(a_lane(ONE_PASS))
    take(state, *ready(5, epoch=1))
    actions = take(state, *ready(4, epoch=0))
    assert drops(actions) == [(4, "stage_lost")]
    assert cuts(actions) == []


def test_a_ring_is_left_also_when_the_last_frames_in_it_died_with_their_capture() -> None:
    state = a_state(a_lane(ONE_PASS), slots=0)
    take(state, *ready(0), *ready(1, epoch=1))
    assert sent(take(state, StageLost(process="capture.cam0")), RingsReleased) == [
        RingsReleased(camera="cam0", epoch=1)
    ]
