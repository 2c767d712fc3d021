"""PCKh: against the formula, by hand, and against published scores of real predictions."""

import numpy as np
import pytest

from posestream.engines.metrics import lengths
from posestream.engines.metrics.pck import distances
from posestream.engines.metrics.pckh import COLUMNS, SCORED, SERVER_COLUMNS, area, pckh
from posestream.engines.skeletons import MPII16
from tests.engines.metrics.people import some_people

HEAD = np.array([[10.0, 10.0, 40.0, 50.0]])  # 30 x 40: a diagonal of 50, a head of 30


def a_person(**moved_px: float) -> tuple[np.ndarray, np.ndarray]:
    """One person found at its true place, except for joints moved to the right."""
    truth = np.tile(np.arange(16.0)[:, None] * 10, (1, 1, 2))
    found = truth.copy()
    for joint, px in moved_px.items():
        found[0, MPII16.joints.index(joint.replace("_", " ")), 0] += px
    return found, truth


def test_a_head_is_six_tenths_of_the_diagonal_of_its_box() -> None:
    assert lengths.head(HEAD) == pytest.approx([30])


def test_a_joint_is_right_within_half_a_head() -> None:
    found, truth = a_person(left_wrist=15, right_wrist=15.01)
    score = pckh(found, truth, HEAD)
    assert score.columns(COLUMNS)["wrist"] == 50
    assert score.mean_pooled == pytest.approx(100 * 13 / 14)


def test_pelvis_and_thorax_are_not_scored() -> None:
    found, truth = a_person(pelvis=500, thorax=500)
    score = pckh(found, truth, HEAD)
    assert (len(SCORED), score.mean_pooled) == (14, 100)


def test_the_server_means_the_neck_too_by_the_head() -> None:
    found, truth = a_person(upper_neck=500)
    score = pckh(found, truth, HEAD)
    assert (score.columns(COLUMNS)["head"], score.columns(SERVER_COLUMNS)["head"]) == (100, 50)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_script_of_its_authors(seed: int) -> None:
    truth, found = some_people(seed, 30, 16)
    heads = np.random.default_rng(seed).uniform(0, 50, (30, 4))
    percents = []
    for k, joint in enumerate(MPII16.joints):
        if joint in ("pelvis", "thorax"):
            continue
        apart = []
        for i in range(30):
            head = 0.6 * np.sqrt((heads[i, 2] - heads[i, 0]) ** 2 + (heads[i, 3] - heads[i, 1]) ** 2)
            if not np.isnan(truth[i, k, 0]):
                apart.append(np.inf if np.isnan(found[i, k, 0]) else np.hypot(*(found[i, k] - truth[i, k])) / head)
        percents.append(100 * np.mean([d <= 0.5 for d in apart]))
    assert pckh(found, truth, heads).percent == pytest.approx(percents)


def test_the_area_under_the_curve_of_joints_all_at_a_quarter_of_a_head_is_a_half() -> None:
    found, truth = a_person(**{joint.replace(" ", "_"): 7.49 for joint in SCORED})
    units = distances(found, truth, lengths.head(HEAD))
    scored = [MPII16.joints.index(joint) for joint in SCORED]
    assert area(units[:, scored], SCORED) == pytest.approx(51, abs=0.01)  # 0 below 0.25, 100 from there, by trapezia
