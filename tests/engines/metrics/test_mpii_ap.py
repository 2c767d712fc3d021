"""MPII's AP of joints for several people: against its scripts' rules one by one, and by hand."""

import math

import numpy as np
import pytest

from posestream.engines.metrics.mpii_ap import Found, People, average_precisions

HEAD_PX = 10.0


def by_the_scripts(people: People, found: Found) -> list[float]:
    """The scripts' loops over images, poses, people and joints, with lists."""
    joints = people.keypoints.shape[1]
    listed: list[list[tuple[float, bool]]] = [[] for _ in range(joints)]
    for image in sorted({*people.images.tolist(), *found.images.tolist()}):
        who = [g for g in range(len(people.images)) if people.images[g] == image]
        poses = [d for d in range(len(found.images)) if found.images[d] == image]
        match = {(d, g, k): _near(people, found, d, g, k) for d in poses for g in who for k in range(joints)}
        part = {}
        for d in poses:
            for g in who:
                labelled = sum(not math.isnan(people.keypoints[g, k, 0]) for k in range(joints))
                part[d, g] = sum(match[d, g, k] for k in range(joints)) / max(labelled, 1)
        keeps = {d: max(who, key=lambda g, d=d: part[d, g]) for d in poses if who}  # type: ignore[misc]
        mine = {}
        for g in who:
            kept = [d for d in poses if keeps[d] == g and part[d, g] > 0]
            if kept:
                mine[max(kept, key=lambda d, g=g: part[d, g])] = g  # type: ignore[misc]
        for d in poses:
            for k in range(joints):
                if not math.isnan(found.keypoints[d, k, 0]):
                    listed[k].append((found.scores[d, k], d in mine and match[d, mine[d], k]))
    aps = []
    for k in range(joints):
        wanted = sum(not math.isnan(x) for x in people.keypoints[:, k, 0])
        right, points = 0, [(0.0, 0.0)]
        for n, (_, is_right) in enumerate(sorted(listed[k], key=lambda each: -each[0]), 1):
            right += is_right
            points.append((right / wanted, right / n))
        aps.append(
            100 * sum((points[i][0] - points[i - 1][0]) * max(p for _, p in points[i:]) for i in range(1, len(points)))
        )
    return aps


def _near(people: People, found: Found, d: int, g: int, k: int) -> bool:
    return math.dist(people.keypoints[g, k], found.keypoints[d, k]) / float(people.heads_px[g]) <= 0.5


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_scripts_of_its_authors(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = People(np.sort(rng.integers(0, 12, 30)), rng.uniform(0, 60, (30, 14, 2)).round(), rng.uniform(15, 30, 30))
    which = rng.integers(0, 30, 50)
    near = people.keypoints[which] + rng.normal(0, 8, (50, 14, 2)).round()
    found = Found(people.images[which], near, rng.random((50, 14)).round(1))
    people.keypoints[rng.random((30, 14)) < 0.2] = np.nan
    found.keypoints[rng.random((50, 14)) < 0.2] = np.nan
    assert average_precisions(people, found) == pytest.approx(by_the_scripts(people, found))


def a_scene(*shifts_px: float) -> tuple[People, Found]:
    """One person of two joints, and a pose for each shift, each with higher scores than the one before."""
    truth = np.array([[[0.0, 0.0], [50.0, 0.0]]])
    found = truth + np.array([(0, shift) for shift in shifts_px]).reshape(-1, 1, 2)
    scores = np.arange(1.0, len(shifts_px) + 1)[:, None] * np.ones(2)
    people = People(np.zeros(1, np.int64), truth, np.array([HEAD_PX]))
    return people, Found(np.zeros(len(shifts_px), np.int64), found, scores)


def aps(people: People, found: Found) -> list[float]:
    return [float(ap) for ap in average_precisions(people, found)]


def test_a_person_found_is_all_of_it() -> None:
    assert aps(*a_scene(5)) == [100, 100]
    assert aps(*a_scene(5.1)) == [0, 0]


def test_a_second_pose_of_a_person_is_wrong_and_the_first_of_equals_has_it() -> None:
    assert aps(*a_scene(0, 0)) == [50, 50]  # the second one, of higher score, is ranked first


def test_of_two_poses_the_one_that_matches_more_joints_has_the_person() -> None:
    people, found = a_scene(0, 0)
    found.keypoints[1, 1] += 100
    assert aps(people, found) == [50, 100 * 1 / 2]


def test_a_joint_found_where_none_is_labelled_is_wrong() -> None:
    people, found = a_scene(0)
    two = People(np.array([0, 1]), np.concatenate([people.keypoints] * 2), np.array([HEAD_PX] * 2))
    two.keypoints[1, 1] = np.nan
    both = Found(np.array([0, 1]), np.concatenate([found.keypoints] * 2), np.array([[0.5, 0.5], [0.9, 0.9]]))
    assert aps(two, both) == [100, 50]


def test_a_joint_labelled_of_nobody_has_no_precision() -> None:
    people, found = a_scene(0)
    people.keypoints[0, 1] = np.nan
    assert aps(people, found) == pytest.approx([100, math.nan], nan_ok=True)


def test_nothing_found_is_zero() -> None:
    people, _ = a_scene()
    nothing = Found(np.zeros(0, np.int64), np.zeros((0, 2, 2)), np.zeros((0, 2)))
    assert aps(people, nothing) == [0, 0]
