"""OKS: a published value, and by hand."""

import numpy as np
import pytest

from posestream.engines.metrics.coco_oks import coco_oks
from posestream.engines.skeletons import COCO17

SIGMAS = COCO17.sigmas


def of_one(shift_px: float, labelled: np.ndarray, area_px2: float = 10_000) -> float:
    truth = np.random.default_rng(0).uniform(0, 100, (1, 17, 2))
    box = np.array([[0.0, 0.0, 100.0, 100.0]])
    return float(
        coco_oks(truth + np.array([shift_px, 0]), truth, labelled[None], np.array([area_px2]), box, SIGMAS)[0, 0]
    )


def test_all_joints_five_pixels_off_of_a_person_of_ten_thousand() -> None:
    assert of_one(5, np.ones(17, bool)) == pytest.approx(0.8711549523, abs=1e-10)


def test_the_same_place_is_one() -> None:
    assert of_one(0, np.ones(17, bool)) == 1


def test_only_labelled_joints_count() -> None:
    nose = np.arange(17) == 0
    assert of_one(5, nose) == pytest.approx(np.exp(-25 / (2 * 10_000 * (2 * 0.026) ** 2)))


def test_of_people_without_a_labelled_joint_what_counts_is_being_in_the_box_three_times_as_large() -> None:
    box, nothing = np.array([[10.0, 10.0, 20.0, 30.0]]), np.zeros((1, 17), bool)
    inside, outside = np.tile([29.0, -9.0], (17, 1)), np.tile([31.0, -9.0], (17, 1))
    similarity = coco_oks(np.stack([inside, outside]), np.zeros((1, 17, 2)), nothing, np.array([200.0]), box, SIGMAS)[
        :, 0
    ]
    assert similarity[0] == 1
    assert similarity[1] == pytest.approx(np.exp(-1 / (2 * 200 * (2 * SIGMAS) ** 2)).mean())
