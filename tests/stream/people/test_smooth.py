import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray

from posestream.engines.results import Poses
from posestream.stream.config import SmoothSettings
from posestream.stream.people.smooth import OneEuroFilter
from posestream.stream.people.track import UNKNOWN
from tests.stream.people.figures import crowd, moved, walker

SECOND = 1_000_000_000
SETTINGS = SmoothSettings(enabled=True, min_cutoff_hz=1.0, beta=7.0, speed_cutoff_hz=2.0, full_score=0.3)
GOLDEN = Path(__file__).parents[4] / "shared/data/golden/one_euro_groundtruth.csv"
ONE = np.array([1], np.intp)


def one_euro(forget_s: float = 1.0) -> OneEuroFilter:
    return OneEuroFilter(SETTINGS, forget_s)


def one_joint(x_px: float, score: float = 1.0) -> Poses:
    """A person of 100 x 100 px with one joint that counts."""
    box = np.array([[0.0, 0.0, 100.0, 100.0]], np.float32)
    return Poses(np.array([[[x_px, 0.0]]], np.float32), np.array([[score]], np.float32), box, np.ones(1, np.float32))


def x_after(smooth: OneEuroFilter, looks: list[tuple[float, float]], fps: float = 30.0, start: int = 0) -> list[float]:
    """The smoothed x of a joint measured at these (x, score), one a frame."""
    return [
        float(smooth.update(ONE, one_joint(x, score), round((start + i) / fps * SECOND)).keypoints[0, 0, 0])
        for i, (x, score) in enumerate(looks)
    ]


@pytest.mark.skipif(not GOLDEN.exists(), reason=f"needs {GOLDEN.name} from the shared data")
def test_it_is_the_one_euro_filter_of_its_authors() -> None:
    with GOLDEN.open() as file:
        rows = [[float(value) for value in row] for row in list(csv.reader(file))[1:]]
    smooth = OneEuroFilter(SmoothSettings(True, min_cutoff_hz=1.0, beta=0.1, speed_cutoff_hz=1.0, full_score=1.0), 1.0)
    box = np.array([[0.0, 0.0, 1.0, 1.0]], np.float32)
    ones = np.ones((1, 1), np.float32)
    filtered = [
        smooth.update(
            ONE, Poses(np.array([[[noisy, 0.0]]], np.float32), ones, box, ones[0]), round(frame / 120 * SECOND)
        ).keypoints[0, 0, 0]
        for frame, (_, _, noisy, _) in enumerate(rows)
    ]
    # The file has six digits: an error of 5e-6 where the signal is over 1, in input and output.
    np.testing.assert_allclose(filtered, [row[3] for row in rows], atol=5e-6, rtol=0)


def test_somebody_who_stands_still_is_smoothed() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 2, 200)
    smoothed = np.array(x_after(one_euro(), [(100 + n, 1.0) for n in noise]))
    assert np.diff(smoothed[20:]).std() < 0.35 * np.diff(noise).std()


def test_it_is_hardly_late_for_somebody_who_moves_fast() -> None:
    speed_px_s = 400.0  # four body sizes a second
    truth = [speed_px_s * i / 30 for i in range(60)]
    late_px = truth[-1] - x_after(one_euro(), [(x, 1.0) for x in truth])[-1]
    assert late_px / speed_px_s < 0.015


def test_time_is_capture_time_whatever_the_frame_rate() -> None:
    def path(fps: int) -> NDArray[np.float64]:
        looks = [(100 + 50 * np.sin(2 * np.pi * 0.5 * i / fps), 1.0) for i in range(3 * fps)]
        return np.array(x_after(one_euro(), looks, fps))

    np.testing.assert_allclose(path(60)[::2], path(30), atol=1.5)


def test_a_gap_in_the_frames_is_not_taken_for_speed() -> None:
    smooth = one_euro()
    x_after(smooth, [(100 + 2.0 * i, 1.0) for i in range(30)])
    late = smooth.update(ONE, one_joint(100 + 2.0 * 45, 1.0), round(45 / 30 * SECOND)).keypoints[0, 0, 0]
    assert 100 + 2.0 * 40 < late <= 100 + 2.0 * 45


# ---- scores ----------------------------------------------------------------------------------------------------------


def test_a_doubtful_look_does_not_drag_a_sure_joint() -> None:
    steady = [(100.0, 1.0)] * 30
    assert x_after(one_euro(), [*steady, (160.0, 0.02)])[-1] < 104
    assert x_after(one_euro(), [*steady, (160.0, 1.0)])[-1] > 120


def test_a_joint_that_was_hidden_has_its_place_at_once_when_it_is_seen_again() -> None:
    hidden = [(100.0, 1.0)] * 10 + [(100.0, 0.0)] * 30
    assert x_after(one_euro(), [*hidden, (160.0, 1.0)])[-1] == pytest.approx(160, abs=2)


def test_a_joint_first_guessed_then_seen_has_its_place_at_once() -> None:
    assert x_after(one_euro(), [(0.0, 0.0)] * 3 + [(160.0, 1.0)])[-1] == pytest.approx(160, abs=2)


def test_a_joint_that_is_always_doubtful_is_smoothed_like_any_other() -> None:
    rng = np.random.default_rng(1)
    xs = rng.normal(100, 2, 60)
    sure, doubtful = (np.array(x_after(one_euro(), [(x, score) for x in xs])) for score in (0.3, 0.03))
    assert np.diff(doubtful[20:]).std() < 0.4 * np.diff(xs).std()
    assert abs(doubtful[20:].mean() - sure[20:].mean()) < 1


def test_scores_stay_as_they_were() -> None:
    smooth = one_euro()
    for frame, score in enumerate((0.9, 0.4)):
        poses = walker(100, score=score)
        after = smooth.update(ONE, poses, frame * SECOND // 30)
        np.testing.assert_array_equal(after.scores, poses.scores)
        np.testing.assert_array_equal(after.keypoint_scores, poses.keypoint_scores)


# ---- people ----------------------------------------------------------------------------------------------------------


def test_everybody_has_a_filter_of_their_own_wherever_they_are_in_the_list() -> None:
    together, alone = one_euro(), one_euro()
    for frame in range(20):
        still, walking = walker(100 + frame % 3), walker(300 + 8 * frame, stride=frame / 3)
        order = np.array([0, 1] if frame % 2 else [1, 0])
        now_ns = frame * SECOND // 30
        both = together.update(np.array([7, 9])[order], crowd(still, walking).take(order), now_ns)
        only = alone.update(np.array([9]), walking, now_ns)
        np.testing.assert_array_equal(both.keypoints[order[1]], only.keypoints[0])
        np.testing.assert_array_equal(both.boxes_xyxy[order[1]], only.boxes_xyxy[0])


def test_the_first_look_is_passed_on_as_it_is() -> None:
    poses = walker(100)
    np.testing.assert_array_equal(one_euro().update(ONE, poses, 0).keypoints, poses.keypoints)


def test_the_first_look_is_passed_on_whoever_else_is_known() -> None:
    smooth, people = one_euro(), crowd(walker(110), walker(400), walker(600))
    smooth.update(ONE, walker(100), 0)
    after = smooth.update(np.array([1, 2, 3]), people, SECOND // 30)
    assert not np.array_equal(after.keypoints[0], people.keypoints[0])
    np.testing.assert_array_equal(after.keypoints[1:], people.keypoints[1:])


def test_who_has_no_id_is_passed_on_as_they_are() -> None:
    smooth = one_euro()
    for frame in range(5):
        poses = crowd(walker(100 + 30 * frame), walker(400 + 30 * frame))
        after = smooth.update(np.array([UNKNOWN, 1]), poses, frame * SECOND // 30)
        np.testing.assert_array_equal(after.keypoints[0], poses.keypoints[0])
    assert not np.array_equal(after.keypoints[1], poses.keypoints[1])


@pytest.mark.parametrize(("away_s", "anew"), [(0.5, False), (1.0, False), (1.5, True)])
def test_who_is_away_too_long_starts_anew(away_s: float, anew: bool) -> None:
    smooth = one_euro(forget_s=1.0)
    smooth.update(ONE, walker(100), 0)
    smooth.update(np.zeros(0, np.intp), Poses.none(17), int(away_s * SECOND / 2))
    poses = walker(150)
    after = smooth.update(ONE, poses, int(away_s * SECOND))
    assert np.array_equal(after.keypoints, poses.keypoints) is anew


def test_nobody_stays_nobody() -> None:
    assert len(one_euro().update(np.zeros(0, np.intp), Poses.none(17), 0)) == 0


def test_two_frames_of_one_time_do_no_harm() -> None:
    smooth = one_euro()
    smooth.update(ONE, walker(100), 0)
    assert np.isfinite(smooth.update(ONE, walker(110), 0).keypoints).all()


def test_what_goes_in_is_not_changed() -> None:
    smooth = one_euro()
    smooth.update(ONE, walker(100), 0)
    poses = walker(110)
    smooth.update(ONE, poses, SECOND // 30)
    np.testing.assert_array_equal(poses.keypoints, walker(110).keypoints)
    np.testing.assert_array_equal(poses.boxes_xyxy, walker(110).boxes_xyxy)


def test_switched_off_it_does_nothing() -> None:
    smooth = OneEuroFilter(replace(SETTINGS, enabled=False), 1.0)
    smooth.update(ONE, walker(100), 0)
    poses = walker(110)
    assert smooth.update(ONE, poses, SECOND // 30) is poses


@given(st.sampled_from([0.25, 0.5, 2.0, 4.0]), st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_neither_place_nor_size_of_the_picture_matters(scale: float, x_px: int, y_px: int) -> None:
    here, there = one_euro(), one_euro()
    for frame in range(8):
        poses, now_ns = walker(500 + 9 * frame, height_px=400, stride=frame / 2), frame * SECOND // 30
        elsewhere = there.update(ONE, moved(poses, (x_px, y_px), scale), now_ns)
        expected = moved(here.update(ONE, poses, now_ns), (x_px, y_px), scale)
        np.testing.assert_allclose(elsewhere.keypoints, expected.keypoints, atol=0.01)
