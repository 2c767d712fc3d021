"""Pairs of parts: their order, features, probabilities, and how they are learned."""

import numpy as np
import pytest
from scipy.special import expit

from posestream.engines.codecs import pairwise_table
from posestream.engines.codecs.pairwise import features, predicted, same_person
from posestream.engines.codecs.pairwise_fit import regression, statistics
from posestream.engines.codecs.pairwise_table import pair_index, table
from posestream.engines.skeletons import COCO17, LSP14
from tools.priors import fit_pairwise as drawn_people

ROWS = pairwise_table.rows_of(LSP14)
TABLE = pairwise_table.read(LSP14)


def test_ordered_pairs_are_counted_as_the_authors_count() -> None:
    assert pair_index(3).tolist() == [[-1, 0, 1], [2, -1, 3], [4, 5, -1]]
    assert all(pair_index(14)[a, b] == 13 * a + b - (a < b) for a in range(14) for b in range(14) if a != b)


def test_a_prediction_is_read_from_the_channels_of_its_pair_and_scaled_back() -> None:
    maps = np.zeros((364, 4, 5), np.float32)
    ankle, head = 0, 13
    channel = 2 * pair_index(14)[ankle, head]
    maps[channel, 2, 3], maps[channel + 1, 2, 3] = 0.5, -2
    at = np.array([2]), np.array([3]), np.array([ankle])
    wanted = TABLE.means[ankle, head] + TABLE.stds[ankle, head] * (0.5, -2)
    assert predicted(maps, *at, TABLE)[0, head] == pytest.approx(wanted)
    assert predicted(maps, *at, TABLE)[0, 12] == pytest.approx(TABLE.means[ankle, 12])


def test_features_are_missed_pixels_and_angles_there_and_back_and_their_exponentials() -> None:
    east, north = np.array([10.0, 0]), np.array([0.0, -10])
    values = features(east, north, -east, -east + (3, 4))
    assert values[:4] == pytest.approx([np.sqrt(200), 5, np.pi / 2, np.arctan2(4, 7)])
    assert values[4:] == pytest.approx(np.exp(-values[:4]))


def test_an_angle_is_never_more_than_half_a_turn() -> None:
    a, b = np.array([-10.0, 0.1]), np.array([-10.0, -0.1])
    assert features(a, b, a, b)[2] == pytest.approx(0.02, abs=1e-4)


def test_parts_of_a_kind_have_even_odds_37_pixels_and_a_half_apart() -> None:
    places = np.array([[0, 0], [37.5, 0], [0, 10]], np.float32)
    found = same_person(places, places, np.zeros(3, np.intp), np.zeros((3, 14, 2), np.float32), TABLE)
    assert found[0, 1] == pytest.approx(0.5)
    assert found[0, 2] == pytest.approx(1 / (1 + np.exp(0.2 * 10 - 7.5)))


def test_parts_that_predict_each_other_belong_together_and_those_that_do_not_do_not() -> None:
    neck, head = LSP14.joints.index("upper neck"), LSP14.joints.index("head top")
    places = np.array([[100, 100], [100, 60], [190, 60]], np.float32)
    aims = np.zeros((3, 14, 2), np.float32)
    aims[0, head], aims[1:, neck] = (0, -40), (0, 40)
    found = same_person(places, places, np.array([neck, head, head]), aims, TABLE)
    assert found[0, 1] > 0.95 and found[0, 2] < 0.05
    assert np.allclose(found, found.T)


def test_every_pair_of_the_default_table_is_sure_of_perfect_predictions() -> None:
    a, b = np.triu_indices(14, 1)
    perfect = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    assert expit(TABLE.weights[a, b, :8] @ perfect + TABLE.weights[a, b, 8]).min() > 0.95
    assert (TABLE.weights[a, b, :2] < 0).all()  # farther is never likelier


def test_means_turn_round_with_the_pair_and_deviations_do_not() -> None:
    assert np.allclose(TABLE.means, -TABLE.means.transpose(1, 0, 2))
    assert np.allclose(TABLE.stds, TABLE.stds.transpose(1, 0, 2)) and (TABLE.stds > 0).all()


def test_a_table_of_another_number_of_pairs_is_refused() -> None:
    with pytest.raises(ValueError, match="91 rows for 136 pairs of 17 joints"):
        table(ROWS, 17)


def test_a_skeleton_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no pairwise table for coco17"):
        pairwise_table.read(COCO17)


def test_the_data_file_is_what_its_tool_writes() -> None:
    assert pairwise_table.file_of(LSP14).read_text() == drawn_people.as_csv(ROWS, LSP14)


def test_the_default_table_is_what_its_tool_makes() -> None:
    keypoints = drawn_people.figures(6000, np.random.default_rng(2016)) * 340
    means, stds = statistics(keypoints, np.ones((6000, 14), bool))
    assert np.abs(means - TABLE.means).max() < 5
    assert np.abs(stds / np.maximum(TABLE.stds, 1) - 1)[~np.eye(14, dtype=bool)].max() < 0.2


def test_statistics_are_of_joints_that_are_found() -> None:
    keypoints = np.array([[[0, 0], [10, 0]], [[0, 0], [20, 4]], [[0, 0], [999, 999]]], float)
    means, stds = statistics(keypoints, np.array([[True, True], [True, True], [True, False]]))
    assert means[0, 1].tolist() == [15, 2] and means[1, 0].tolist() == [-15, -2]
    assert stds[0, 1].tolist() == [5, 2]
    with pytest.raises(ValueError, match="joints 0 and 1 are never found in one person"):
        statistics(keypoints, np.array([[True, False]] * 3))


def test_a_regression_tells_pairs_apart_and_weighs_both_kinds_alike() -> None:
    random = np.random.default_rng(0)
    same = np.arange(2000) < 200
    values = random.standard_normal((2000, 8)) + np.where(same, -1.5, 1.5)[:, None] * (np.arange(8) == 2)
    weights = regression(values, same)
    odds = values @ weights[:8] + weights[8]
    assert abs(weights[2]) > 5 * np.abs(weights[[0, 1, 3, 4, 5, 6, 7]]).max()
    assert ((odds > 0)[same]).mean() > 0.9 and ((odds < 0)[~same]).mean() > 0.9


def test_a_regression_of_one_kind_only_is_refused() -> None:
    with pytest.raises(ValueError, match="pairs of one person and pairs of two"):
        regression(np.ones((4, 8)), np.ones(4, bool))
