"""One pose a person from several looks."""

import numpy as np
import pytest

from engines.plan import Region
from engines.results import Floats, Poses
from engines.skeletons import COCO17
from engines.topdown import flip_mean, fuse, refine_regions, suppress
from engines.zoo.catalogue import find

INPUT = find("movenet-thunder").input
OLD = Region(1, 2, 300, 300, person=7)


def upright(x: float = 0.0) -> Floats:
    """17 joints: hips at (x, 200), shoulders 80 above, head 140 above, feet 160 below."""
    heights = {"nose": -140, "eye": -145, "ear": -140, "shoulder": -80, "elbow": -40, "wrist": 0}
    heights |= {"hip": 0, "knee": 80, "ankle": 160}
    sides = {"left": 20, "right": -20, "": 0}
    joints = [joint.rpartition(" ") for joint in COCO17.joints]
    return np.array([(x + sides[side], 200 + heights[name]) for side, _, name in joints], np.float32)


def poses(*keypoints: Floats, score: float = 0.5) -> Poses:
    points = np.array(keypoints, np.float32).reshape(-1, 17, 2)
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1).reshape(-1, 4)
    return Poses(points, np.full(points.shape[:2], score, np.float32), boxes, np.full(len(points), score, np.float32))


def test_a_closer_look_is_centred_on_the_hips_and_holds_the_body() -> None:
    (region,) = refine_regions(poses(upright(50)), INPUT, [OLD])
    assert (region.x_px + region.width_px / 2, region.y_px + region.height_px / 2) == pytest.approx((50, 200))
    assert region.height_px == pytest.approx(2 * 1.1 * 160)
    assert region.person == 7


def test_a_crouching_person_keeps_the_room_of_the_torso() -> None:
    person = upright()
    person[:, 1] = np.clip(person[:, 1], 120, 210)
    (region,) = refine_regions(poses(person), INPUT, [OLD])
    assert region.height_px == pytest.approx(2 * 1.6 * 80)


def test_limbs_that_are_guesses_do_not_widen_the_look() -> None:
    person = poses(upright())
    person.keypoint_scores[0, 13:] = 0.1  # knees and ankles
    (region,) = refine_regions(person, INPUT, [OLD])
    assert region.height_px == pytest.approx(2 * 1.1 * 145)


def test_without_a_torso_the_old_region_stays() -> None:
    person = poses(upright())
    person.keypoint_scores[0, [11, 12]] = 0.1
    assert refine_regions(person, INPUT, [OLD]) == [OLD]


def test_looks_that_agree_are_averaged_by_score() -> None:
    fused = fuse(poses(upright(0), score=0.6), poses(upright(2), score=0.3))
    hip = COCO17.joints.index("left hip")
    assert fused.keypoints[0, hip, 0] == pytest.approx(20 + 2 * 0.3 / 0.9, abs=1e-4)
    assert fused.keypoint_scores[0, hip] == pytest.approx(0.45)


def test_where_looks_differ_the_certain_one_wins_and_loses_score() -> None:
    other = upright()
    other[9] += 300
    fused = fuse(poses(upright(), score=0.4), poses(other, score=0.8))
    assert fused.keypoints[0, 9] == pytest.approx(other[9], abs=1e-4)
    assert fused.keypoint_scores[0, 9] == pytest.approx(0.4)


def test_a_look_alone_is_itself() -> None:
    person = poses(upright())
    assert np.allclose(fuse(person).keypoints, person.keypoints) and np.allclose(fuse(person).scores, person.scores)


def test_the_order_of_two_looks_does_not_matter_to_the_joints() -> None:
    rng = np.random.default_rng(0)
    a, b = (poses(upright() + rng.normal(0, 8, (17, 2)).astype(np.float32), score=s) for s in (0.5, 0.7))
    b = Poses(b.keypoints, b.keypoint_scores, a.boxes_xyxy, b.scores)
    assert np.allclose(fuse(a, b).keypoints, fuse(b, a).keypoints, atol=1e-4)


def test_flipped_crops_follow_the_plain_ones() -> None:
    mean = flip_mean(poses(upright(0), upright(500), upright(1), upright(501)))
    assert mean.keypoints[:, 0, 0] == pytest.approx([0.5, 500.5], abs=1e-4)


def test_two_boxes_on_one_person_give_one_pose() -> None:
    both = Poses.joined([poses(upright(0), score=0.3), poses(upright(1), score=0.6), poses(upright(400), score=0.1)])
    assert suppress(both, 0.6).scores == pytest.approx([0.6, 0.1])


def test_nobody_goes_through() -> None:
    none = Poses.none(17)
    assert len(suppress(fuse(none, flip_mean(none)), 0.6)) == 0
    assert refine_regions(none, INPUT, []) == []
