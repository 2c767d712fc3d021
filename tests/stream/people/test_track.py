from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posestream.engines.results import Poses
from posestream.engines.skeletons import COCO17
from posestream.stream.people.track import DUPLICATE, UNKNOWN, Tracker
from tests.stream.people.figures import SETTINGS, crowd, moved, walker

SECOND = 1_000_000_000


def tracker() -> Tracker:
    return Tracker(COCO17.sigmas, SETTINGS)


def stroll(t_s: float, start_px: float, speed_px_s: float, y_px: float = 300.0) -> Poses:
    """A walker of 150 px whose gait is as fast as the walk."""
    return walker(start_px + speed_px_s * t_s, y_px, stride=start_px + speed_px_s * t_s / 15)


def ids_of(*frames: tuple[float, Poses]) -> list[list[int]]:
    """The ids in each frame, given its time in seconds and its poses."""
    track = tracker()
    return [track.update(poses, int(at_s * SECOND)).tolist() for at_s, poses in frames]


# ---- new people ------------------------------------------------------------------------------------------------------


def test_a_clear_person_has_an_id_at_once() -> None:
    assert tracker().update(crowd(walker(100), walker(400, score=SETTINGS.sure_score)), 0).tolist() == [1, 2]


def test_a_doubtful_person_has_an_id_when_seen_three_frames_running() -> None:
    track = tracker()
    seen = [track.update(walker(100, score=0.4), frame * SECOND // 30).tolist() for frame in range(4)]
    assert seen == [[UNKNOWN], [UNKNOWN], [1], [1]]


def test_a_pose_of_exactly_the_starting_score_may_be_somebody_new_and_is_found_again_elsewhere() -> None:
    frames = ((frame / 2, walker(100 + 60 * frame, score=SETTINGS.start_score)) for frame in range(3))
    assert ids_of(*frames) == [[UNKNOWN], [UNKNOWN], [1]]


def test_a_flicker_uses_up_no_id() -> None:
    track = tracker()
    for frame in range(10):
        people = crowd(walker(400, score=0.4)) if frame % 2 else crowd()
        assert UNKNOWN in track.update(people, frame * SECOND // 30) or not len(people)
    assert track.update(walker(100), 10 * SECOND // 30).tolist() == [1]


def test_a_weak_pose_is_nobody_new_but_goes_on_being_somebody() -> None:
    track = tracker()
    assert track.update(crowd(walker(100), walker(400, score=0.2)), 0).tolist() == [1, UNKNOWN]
    assert track.update(crowd(walker(100, score=0.2), walker(400, score=0.2)), SECOND // 30).tolist() == [1, UNKNOWN]
    assert track.next_id == 2


def test_nobody_is_no_ids() -> None:
    track = tracker()
    for frame in range(3):
        ids = track.update(Poses.none(17), frame)
        assert ids.shape == (0,)
        assert ids.dtype == np.intp


# ---- the same people -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [5, 10, 30, 60])
@pytest.mark.parametrize("speed_px_s", [0, 100, 250])
def test_a_walker_keeps_the_id_at_any_frame_rate(fps: int, speed_px_s: float) -> None:
    track = tracker()
    for frame in range(3 * fps):
        assert track.update(stroll(frame / fps, 0, speed_px_s), frame * SECOND // fps).tolist() == [1]


@pytest.mark.parametrize("fps", [10, 30])
@pytest.mark.parametrize("apart_px", [8, 15, 40])
def test_people_who_cross_keep_their_ids(fps: int, apart_px: float) -> None:
    track = tracker()
    for frame in range(3 * fps):
        people = crowd(stroll(frame / fps, 0, 130), stroll(frame / fps, 400, -130, y_px=300 + apart_px))
        assert track.update(people, frame * SECOND // fps).tolist() == [1, 2]


@pytest.mark.parametrize("fps", [10, 30])
def test_people_who_cross_keep_their_ids_though_one_hides_the_other(fps: int) -> None:
    track = tracker()
    for frame in range(3 * fps):
        left, right = stroll(frame / fps, 0, 130), stroll(frame / fps, 400, -130, y_px=290)
        hidden = abs(left.keypoints[0, 0, 0] - right.keypoints[0, 0, 0]) < 50
        ids = track.update(left if hidden else crowd(left, right), frame * SECOND // fps)
        assert ids.tolist() == ([1] if hidden else [1, 2])


def test_ids_are_not_places_in_the_list() -> None:
    track = tracker()
    track.update(crowd(walker(100), walker(300), walker(500)), 0)
    for frame in range(1, 60):  # the first one leaves for good
        assert track.update(crowd(walker(500), walker(300)), frame * SECOND // 30).tolist() == [3, 2]
    assert track.update(crowd(walker(100), walker(300), walker(500)), 2 * SECOND).tolist() == [4, 2, 3]


# ---- absence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("away_s", "expected"), [(0.1, 1), (0.9, 1), (1.0, 1), (1.1, 2), (60.0, 2)])
def test_who_comes_back_in_time_is_the_same(away_s: float, expected: int) -> None:
    track = tracker()
    track.update(walker(100), 0)
    track.update(crowd(), int(away_s / 2 * SECOND))
    assert track.update(walker(100), int(away_s * SECOND)).tolist() == [expected]


def test_time_counts_and_not_frames() -> None:
    track = tracker()
    track.update(walker(100), 0)
    for frame in range(1, 500):
        track.update(crowd(), frame * SECOND // 1000)
    assert track.update(walker(100), SECOND // 2).tolist() == [1]


@pytest.mark.parametrize("gap_s", [0.3, 0.6, 0.9])
def test_a_walker_is_the_same_after_a_gap_in_the_frames(gap_s: float) -> None:
    track = tracker()
    for frame in range(30):
        track.update(stroll(frame / 30, 0, 150), frame * SECOND // 30)
    assert track.update(stroll(29 / 30 + gap_s, 0, 150), int((29 / 30 + gap_s) * SECOND)).tolist() == [1]


def test_joints_and_box_of_a_walker_are_expected_where_the_walk_leads() -> None:
    """A weak pose 15 px from there is near enough only if both are."""
    walk = [(frame / 30, walker(100 + 20 * frame)) for frame in range(20)]
    assert ids_of(*walk, (20 / 30, walker(100 + 20 * 20 + 15, score=0.2)))[-1] == [1]


def test_somebody_far_from_the_absent_one_is_somebody_else() -> None:
    track = tracker()
    track.update(walker(100), 0)
    track.update(crowd(), SECOND // 10)
    assert track.update(walker(500), SECOND // 5).tolist() == [2]


# ---- the rounds of the association -----------------------------------------------------------------------------------
# At 30 Hz a pose 18 px from where its person is expected is still near, one 30 px away is not; after half a second one
# 100 px away is within the widened gate. A person scored 0.8 has an id, one scored 0.4 is tentative, 0.2 is weak.


def test_round_1_a_strong_pose_goes_before_a_weak_one_that_is_nearer() -> None:
    poses = crowd(walker(112, score=0.8), walker(101, score=0.2))
    assert ids_of((0, walker(100)), (1 / 30, poses)) == [[1], [1, UNKNOWN]]


def test_round_1_a_person_with_an_id_goes_before_a_tentative_one_that_is_nearer() -> None:
    people = crowd(walker(100), walker(130, score=0.4))
    assert ids_of((0, people), (1 / 30, walker(118))) == [[1, UNKNOWN], [1]]


def test_round_1_a_person_near_the_expected_place_goes_before_one_further_away() -> None:
    """By the wide gate alone, person 1 would go to 40 and person 2 to 120, since that is the greater sum."""
    people, later = crowd(walker(100), walker(220)), crowd(walker(120), walker(40))
    assert ids_of((0, people), (0.25, crowd()), (0.5, later)) == [[1, 2], [], [1, 3]]


def test_round_2_a_weak_pose_continues_only_a_person_of_the_frame_before() -> None:
    weak = walker(100, score=0.2)
    assert ids_of((0, walker(100)), (1 / 30, weak)) == [[1], [1]]
    assert ids_of((0, walker(100)), (1 / 30, crowd()), (2 / 30, weak)) == [[1], [], [UNKNOWN]]


def test_round_2_a_weak_pose_continues_a_person_with_an_id_before_a_tentative_one_that_is_nearer() -> None:
    people = crowd(walker(100), walker(120, score=0.4))
    assert ids_of((0, people), (1 / 30, walker(112, score=0.2))) == [[1, UNKNOWN], [1]]


def test_round_2_a_weak_pose_continues_nobody_from_elsewhere() -> None:
    assert ids_of((0, walker(100)), (0.5, walker(160, score=0.2))) == [[1], [UNKNOWN]]


def test_round_2_a_weak_pose_at_the_expected_place_goes_before_a_strong_one_elsewhere() -> None:
    poses = crowd(walker(100, score=0.2), walker(160))
    assert ids_of((0, walker(100)), (0.5, poses)) == [[1], [1, 2]]


def test_round_3_a_strong_pose_elsewhere_continues_a_person_even_after_a_frame_without_them() -> None:
    assert ids_of((0, walker(100)), (0.5, walker(160))) == [[1], [1]]
    assert ids_of((0, walker(100)), (0.25, crowd()), (0.5, walker(160))) == [[1], [], [1]]


@pytest.mark.parametrize("tentative_px", [150, 200])
def test_round_3_a_person_with_an_id_goes_before_a_tentative_one_that_is_nearer(tentative_px: float) -> None:
    people = crowd(walker(100), walker(tentative_px, score=0.4))
    assert ids_of((0, people), (0.5, walker(152))) == [[1, UNKNOWN], [1]]


def test_round_3_the_gate_grows_to_a_body_size_and_no_further() -> None:
    assert ids_of((0, walker(100)), (0.9, walker(220))) == [[1], [1]]
    assert ids_of((0, walker(100)), (0.9, walker(250))) == [[1], [2]]


def test_round_4_weak_poses_continue_a_tentative_person() -> None:
    frames = ((frame / 30, walker(100, score=score)) for frame, score in enumerate((0.4, 0.2, 0.2)))
    assert ids_of(*frames) == [[UNKNOWN], [UNKNOWN], [1]]


def test_round_4_a_tentative_person_near_the_expected_place_goes_before_one_further_away() -> None:
    """As in round 1: of the two at last only the first is in a third frame."""
    people = crowd(walker(100, score=0.4), walker(220, score=0.4))
    later = crowd(walker(120, score=0.4), walker(40, score=0.4))
    assert ids_of((0, people), (0.5, later), (1 / 30 + 0.5, later))[-1] == [1, UNKNOWN]


def test_round_4_a_weak_pose_elsewhere_continues_no_tentative_person() -> None:
    frames = ((0, walker(100, score=0.4)), (0.5, walker(160, score=0.2)), (1, walker(190, score=0.4)))
    assert ids_of(*frames) == [[UNKNOWN], [UNKNOWN], [UNKNOWN]]


def test_round_5_strong_poses_elsewhere_continue_a_tentative_person() -> None:
    frames = ((frame / 2, walker(100 + 60 * frame, score=0.4)) for frame in range(3))
    assert ids_of(*frames) == [[UNKNOWN], [UNKNOWN], [1]]


# ---- one person twice ------------------------------------------------------------------------------------------------


def test_a_second_pose_of_one_person_is_marked_and_is_nobody_new() -> None:
    track = tracker()
    assert track.update(crowd(walker(100, score=0.7), walker(103, score=0.8)), 0).tolist() == [DUPLICATE, 1]
    assert track.update(crowd(walker(100), walker(100), walker(100)), SECOND // 30).tolist().count(1) == 1
    assert track.next_id == 2


def test_when_two_crops_slip_onto_one_person_that_one_keeps_the_id_and_the_other_is_not_dragged_along() -> None:
    track = tracker()
    track.update(crowd(walker(100), walker(130, 310)), 0)
    for frame in range(1, 6):
        slipped = crowd(walker(100, score=0.7), walker(102, score=0.9))
        ids = track.update(slipped, frame * SECOND // 30, np.array([1, 2]))
        assert sorted(ids.tolist()) == [DUPLICATE, 1]
    assert track.update(crowd(walker(100), walker(130, 310)), SECOND // 4).tolist() == [1, 2]


def test_a_second_pose_of_somebody_that_looked_like_somebody_new_never_takes_over() -> None:
    track = tracker()
    track.update(walker(100), 0)
    second = walker(120, 306, score=0.45)
    assert track.update(crowd(walker(100, score=0.35), second), SECOND // 30).tolist() == [1, UNKNOWN]
    closer = crowd(walker(113, 304, score=0.35), second)  # the second stands where it stood, the person moved
    assert track.update(closer, SECOND // 15).tolist() == [1, DUPLICATE]
    assert track.next_id == 2


# ---- hints -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hints", [(1, 2), (2, 1)])
def test_hints_decide_between_people_equally_near(hints: tuple[int, int]) -> None:
    track = tracker()
    track.update(crowd(walker(100), walker(140)), 0)
    squeezed = crowd(walker(120, 285), walker(120, 315))
    assert track.update(squeezed, SECOND // 30, np.array(hints)).tolist() == list(hints)


def test_a_hint_does_not_widen_the_gate() -> None:
    track = tracker()
    track.update(walker(100), 0)
    assert track.update(walker(130), SECOND // 30, np.array([1])).tolist() == [2]


def test_hints_do_not_overrule_what_is_seen() -> None:
    track = tracker()
    track.update(crowd(walker(100), walker(180)), 0)
    assert track.update(crowd(walker(100), walker(180)), SECOND // 30, np.array([2, 1])).tolist() == [1, 2]


def test_a_hint_alone_makes_nobody() -> None:
    track = tracker()
    track.update(walker(100), 0)
    assert track.update(walker(500), SECOND // 30, np.array([1])).tolist() == [2]
    assert track.update(walker(500), SECOND // 15, np.array([77])).tolist() == [2]


# ---- whatever the picture --------------------------------------------------------------------------------------------

places = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 3), st.integers(-120, 120)),
    min_size=1,
    max_size=6,
    unique_by=lambda place: place[:2],
)


def scene(people: list[tuple[int, int, int]], t_s: float) -> Poses:
    return crowd(*(stroll(t_s, 90.0 * x, speed, y_px=170.0 * y) for x, y, speed in people))


@given(places, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_poses_does_not_matter(people: list[tuple[int, int, int]], random: Random) -> None:
    straight, shuffled = tracker(), tracker()
    for frame in range(12):
        poses = scene(people, frame / 15)
        order = np.array(random.sample(range(len(poses)), len(poses)), np.intp)
        if frame == 0:  # ids are given in the order of the first frame
            order = np.arange(len(poses))
        ids = straight.update(poses, frame * SECOND // 15)
        assert shuffled.update(poses.take(order), frame * SECOND // 15).tolist() == ids[order].tolist()


@given(places, st.sampled_from([0.5, 2.0, 4.0]), st.integers(-500, 500), st.integers(-500, 500))
@settings(max_examples=50, deadline=None)
def test_neither_place_nor_size_of_the_picture_matters(
    people: list[tuple[int, int, int]], scale: float, x_px: int, y_px: int
) -> None:
    here, there = tracker(), tracker()
    for frame in range(12):
        poses, now_ns = scene(people, frame / 15), frame * SECOND // 15
        assert here.update(poses, now_ns).tolist() == there.update(moved(poses, (x_px, y_px), scale), now_ns).tolist()


def test_velocities_are_pixels_per_second_of_capture_time() -> None:
    track = tracker()
    for frame in range(20):
        ids = track.update(crowd(stroll(frame / 10, 0, 120), walker(700)), frame * SECOND // 10)
    np.testing.assert_allclose(track.velocities_px_s(ids), [[120, 0], [0, 0]], atol=15)
    np.testing.assert_array_equal(track.velocities_px_s(np.array([UNKNOWN, 99])), np.zeros((2, 2)))


def test_frames_out_of_order_are_refused() -> None:
    track = tracker()
    track.update(walker(100), SECOND)
    with pytest.raises(ValueError, match="out of order"):
        track.update(walker(100), SECOND - 1)
