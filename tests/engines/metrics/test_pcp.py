"""PCP: against the formula limb by limb, and by hand."""

import math
from typing import get_args

import numpy as np
import pytest

from posestream.engines.metrics.centric import observer_centric
from posestream.engines.metrics.pcp import COLUMNS, Variant, pcp, sticks
from posestream.engines.skeletons import FLIC11, LSP14, MPII16
from tests.engines.metrics.people import Floats, some_people


def by_the_formula(truth: Floats, found: Floats, variant: str, *, mean_length: bool) -> tuple[list[int], list[int]]:
    """PCP of LSP's people, limb by limb; joints by their numbers in LSP's own order."""
    limbs = [
        *([[2, 3], [8, 9]], [[2], [1]], [[3], [4]], [[1], [0]], [[4], [5]], [[8], [7]], [[9], [10]]),
        *([[7], [6]], [[10], [11]], [[12], [13]]),
    ]
    right, counted = [], []
    for a, b in limbs:
        ends = [(np.mean(t[a], axis=0), np.mean(t[b], axis=0)) for t in truth]
        known = [i for i, (one, other) in enumerate(ends) if not np.isnan([one, other]).any()]
        lengths = {i: math.dist(*ends[i]) for i in known}
        hits = 0
        for i in known:
            length = sum(lengths.values()) / len(lengths) if mean_length else lengths[i]
            away = [
                math.inf if np.isnan(found[i][joints]).any() else math.dist(np.mean(found[i][joints], axis=0), end)
                for joints, end in zip((a, b), ends[i], strict=True)
            ]
            hits += max(away) <= length / 2 if variant == "strict" else sum(away) / 2 <= length / 2
        right.append(hits)
        counted.append(len(known))
    return right, counted


@pytest.mark.parametrize("variant", get_args(Variant))
@pytest.mark.parametrize("mean_length", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_formula(variant: Variant, mean_length: bool, seed: int) -> None:
    truth, found = some_people(seed, 40, 14)
    score = pcp(found, truth, LSP14, variant, mean_length=mean_length)
    assert (score.right.tolist(), score.counted.tolist()) == by_the_formula(
        truth, found, variant, mean_length=mean_length
    )


def a_forearm(elbow_off_px: float, wrist_off_px: float) -> tuple[Floats, Floats]:
    """One person with only the left forearm, 40 px long, labelled."""
    truth, found = np.full((1, 14, 2), np.nan), np.zeros((1, 14, 2))
    elbow, wrist = LSP14.joints.index("left elbow"), LSP14.joints.index("left wrist")
    truth[0, elbow], truth[0, wrist] = (0, 0), (40, 0)
    found[0, elbow], found[0, wrist] = (0, elbow_off_px), (40, wrist_off_px)
    return found, truth


def test_a_limb_is_right_up_to_half_its_length_at_both_ends() -> None:
    assert pcp(*a_forearm(20, 20), LSP14).mean_pooled == 100
    assert pcp(*a_forearm(20.1, 0), LSP14).mean_pooled == 0


def test_the_loose_reading_takes_the_mean_of_both_ends() -> None:
    assert pcp(*a_forearm(39, 0), LSP14, "loose").mean_pooled == 100
    assert pcp(*a_forearm(41, 0), LSP14, "loose").mean_pooled == 0


def test_more_is_better() -> None:
    assert pcp(*a_forearm(0, 0), LSP14).mean_pooled > pcp(*a_forearm(100, 100), LSP14).mean_pooled


def test_only_limbs_whose_ends_are_labelled_count() -> None:
    score = pcp(*a_forearm(0, 0), LSP14)
    assert dict(zip(score.names, score.counted.tolist(), strict=True)) == {
        name: int(name == "left forearm") for name in sticks(LSP14)
    }


def test_a_limb_of_which_an_end_was_not_found_is_wrong() -> None:
    found, truth = a_forearm(0, 0)
    found[0, LSP14.joints.index("left wrist")] = np.nan
    assert pcp(found, truth, LSP14, "loose").mean_pooled == 0


def test_the_torso_is_from_pelvis_to_thorax_or_else_from_mid_hips_to_mid_shoulders() -> None:
    assert sticks(MPII16)["torso"] == (("pelvis",), ("thorax",))
    assert sticks(LSP14)["torso"] == (("right hip", "left hip"), ("right shoulder", "left shoulder"))


def test_a_skeleton_has_the_limbs_whose_joints_it_has() -> None:
    assert list(sticks(FLIC11)) == [
        "torso",
        *(f"{s} {limb}" for limb in ("upper arm", "forearm") for s in ("right", "left")),
    ]


def test_the_columns_are_those_of_the_table_of_papers() -> None:
    assert list(COLUMNS) == ["torso", "upper leg", "lower leg", "upper arm", "forearm", "head"]


def test_an_observer_names_the_arms_of_those_who_face_the_other_way() -> None:
    person = np.zeros((2, 14, 2))
    right, left = LSP14.joints.index("right shoulder"), LSP14.joints.index("left shoulder")
    person[0, right, 0], person[0, left, 0] = 10, 20  # already observer-centric
    person[1, right, 0], person[1, left, 0] = 20, 10
    seen = observer_centric(person, LSP14)
    assert seen[:, right, 0].tolist() == [10, 10]
    assert seen[:, left, 0].tolist() == [20, 20]
