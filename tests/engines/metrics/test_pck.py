"""PCK and its reference lengths: against the formula joint by joint, and by hand."""

import math

import numpy as np
import pytest

from posestream.engines.metrics import lengths
from posestream.engines.metrics.pck import area_under, curve, distances, pck
from posestream.engines.skeletons import FLIC11, LSP14
from tests.engines.metrics.people import Floats, some_people

JOINTS = ("a", "b")


def by_the_formula(truth: Floats, found: Floats, lengths_px: Floats, threshold: float) -> tuple[list[int], list[int]]:
    """Yang & Ramanan's definition, joint by joint."""
    joints = truth.shape[1]
    right, counted = [0] * joints, [0] * joints
    for i in range(len(truth)):
        for k in range(joints):
            if math.isnan(truth[i, k, 0]) or math.isnan(lengths_px[i]) or lengths_px[i] == 0:
                continue
            counted[k] += 1
            if not math.isnan(found[i, k, 0]):
                dx, dy = found[i, k] - truth[i, k]
                right[k] += math.sqrt(dx * dx + dy * dy) / lengths_px[i] <= threshold
    return right, counted


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("length", [lengths.torso, lengths.box_side, lengths.box_diagonal])
def test_it_is_the_formula(seed: int, length: object) -> None:
    truth, found = some_people(seed, 40, len(LSP14))
    of_each = lengths.torso(truth, LSP14) if length is lengths.torso else length(truth)  # type: ignore[operator]
    score = pck(distances(found, truth, of_each), LSP14.joints, 0.2)
    assert (score.right.tolist(), score.counted.tolist()) == by_the_formula(truth, found, of_each, 0.2)


def one(found: Floats, truth: Floats, length: float, threshold: float = 0.2, *, strict: bool = False) -> list[float]:
    units = distances(np.array([found], float), np.array([truth], float), np.array([length]))
    return [float(percent) for percent in pck(units, JOINTS, threshold, strict=strict).percent]


def test_a_joint_at_the_threshold_is_right_and_mmpose_has_it_wrong() -> None:
    truth, found = np.array([[0, 0], [0, 0]]), np.array([[3, 4], [3, 4.1]])
    assert one(found, truth, 25) == [100, 0]
    assert one(found, truth, 25, strict=True) == [0, 0]


def test_a_joint_that_is_not_labelled_is_not_counted() -> None:
    assert one(np.array([[0, 0], [9, 9]]), np.array([[0, 0], [np.nan, np.nan]]), 10) == pytest.approx(
        [100, np.nan], nan_ok=True
    )


def test_a_joint_that_was_not_found_is_wrong_however_wide_the_threshold() -> None:
    assert one(np.array([[0, 0], [np.nan, np.nan]]), np.array([[0, 0], [0, 0]]), 10, 1e9) == [100, 0]


@pytest.mark.parametrize("length", [0.0, math.nan])
def test_people_without_a_length_count_for_nothing(length: float) -> None:
    assert np.isnan(one(np.zeros((2, 2)), np.zeros((2, 2)), length)).all()


def test_nobody_is_not_zero_percent() -> None:
    none = np.zeros((0, 2, 2))
    assert np.isnan(pck(distances(none, none, np.zeros(0)), JOINTS, 0.5).mean_pooled)


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(ValueError, match="do not go together"):
        distances(np.zeros((2, 3, 2)), np.zeros((2, 4, 2)), np.ones(2))


def test_the_torso_goes_from_the_left_shoulder_to_the_right_hip() -> None:
    person = np.zeros((1, len(FLIC11), 2))
    person[0, FLIC11.joints.index("left shoulder")] = (30, 0)
    person[0, FLIC11.joints.index("right hip")] = (0, 40)
    assert lengths.torso(person, FLIC11) == pytest.approx([50])


def test_the_box_is_that_of_the_labelled_joints() -> None:
    people = np.array([[[0, 0], [3, 4], [np.nan, np.nan]], [[np.nan, np.nan]] * 3])
    assert lengths.box_side(people) == pytest.approx([4, np.nan], nan_ok=True)
    assert lengths.box_diagonal(people) == pytest.approx([5, np.nan], nan_ok=True)


def test_a_curve_has_every_joint_and_all_together() -> None:
    units = np.array([[0.1, 0.3], [0.2, np.inf]])
    assert curve(units, JOINTS, np.array([0.1, 0.3])).tolist() == [[50, 0, 25], [100, 50, 75]]


def test_the_area_under_a_curve_is_its_mean_height() -> None:
    assert area_under(np.array([0.0, 50, 100]), np.array([0, 0.25, 0.5])) == pytest.approx(50)
    assert area_under(np.array([0.0, 100]), np.array([0, 0.5])) == pytest.approx(50)
