"""Percents and the two means of papers."""

import numpy as np
import pytest

from posestream.engines.metrics.correct import Correct, of

HANDS = Correct(("left", "right", "unseen"), np.array([9, 1, 0]), np.array([10, 2, 0]))


def test_a_percent_is_of_what_was_counted_and_nan_where_nothing_was() -> None:
    assert HANDS.percent == pytest.approx([90, 50, np.nan], nan_ok=True)


def test_the_pooled_mean_weighs_joints_by_how_often_they_are_labelled() -> None:
    assert HANDS.mean_pooled == pytest.approx(100 * 10 / 12)


def test_the_unweighted_mean_is_that_of_the_percents() -> None:
    assert HANDS.mean_unweighted == pytest.approx(70)


def test_nothing_counted_has_no_mean() -> None:
    nothing = HANDS.only(["unseen"])
    assert np.isnan([nothing.mean_pooled, nothing.mean_unweighted]).all()


def test_a_column_is_the_mean_of_its_joints_percents_where_all_are_there() -> None:
    columns = HANDS.columns({"hand": ("left", "right"), "one": ("right", "unseen"), "foot": ("left", "toe")})
    assert columns == pytest.approx({"hand": 70, "one": 50})


def test_masks_are_added_up_over_people_and_only_what_counts_is_right() -> None:
    right = np.array([[True, True], [True, False]])
    counted = np.array([[True, False], [True, True]])
    score = of(("a", "b"), right, counted)
    assert (score.right.tolist(), score.counted.tolist()) == ([2, 0], [2, 1])
