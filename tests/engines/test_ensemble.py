"""One pose a person from several views."""

import numpy as np
import pytest

from posestream.engines.codecs import codec_for
from posestream.engines.ensemble import PARAMETRIC, fuse, pose_each, refine_regions, suppress
from posestream.engines.geometry import mirrored, to_input, views_of
from posestream.engines.plan import Plan, Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import COCO17, MPII16, SKELETONS, Skeleton
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import find

INPUT = find("movenet-thunder").input
DETECTOR = find("nanodet")
OLD = Region(1, 2, 300, 300, person=7)


def upright(x: float = 0.0) -> Floats:
    """17 joints: hips at (x, 200), shoulders 80 above, head 140 above, feet 160 below."""
    heights = {"nose": -140, "eye": -145, "ear": -140, "shoulder": -80, "elbow": -40, "wrist": 0}
    heights |= {"hip": 0, "knee": 80, "ankle": 160}
    sides = {"left": 20, "right": -20, "": 0}
    joints = [joint.rpartition(" ") for joint in COCO17.joints]
    return np.array([(x + sides[side], 200 + heights[name]) for side, _, name in joints], np.float32)


def poses(*keypoints: Floats, score: float = 0.5, joints: int = 17) -> Poses:
    points = np.array(keypoints, np.float32).reshape(-1, joints, 2)
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1).reshape(-1, 4)
    return Poses(points, np.full(points.shape[:2], score, np.float32), boxes, np.full(len(points), score, np.float32))


def test_a_refinement_crop_is_centred_on_the_hips_and_holds_the_body() -> None:
    (region,) = refine_regions(poses(upright(50)), COCO17, INPUT, [OLD])
    assert (region.x_px + region.width_px / 2, region.y_px + region.height_px / 2) == pytest.approx((50, 200))
    assert region.height_px == pytest.approx(2 * 1.1 * 160)
    assert region.person == 7


def test_a_crouching_person_keeps_the_room_of_the_torso() -> None:
    person = upright()
    person[:, 1] = np.clip(person[:, 1], 120, 210)
    (region,) = refine_regions(poses(person), COCO17, INPUT, [OLD])
    assert region.height_px == pytest.approx(2 * 1.6 * 80)


def test_limbs_that_are_guesses_do_not_widen_the_crop() -> None:
    person = poses(upright())
    person.keypoint_scores[0, 13:] = 0.1  # knees and ankles
    (region,) = refine_regions(person, COCO17, INPUT, [OLD])
    assert region.height_px == pytest.approx(2 * 1.1 * 145)


def test_without_a_torso_the_old_region_stays() -> None:
    person = poses(upright())
    person.keypoint_scores[0, [11, 12]] = 0.1
    assert refine_regions(person, COCO17, INPUT, [OLD]) == [OLD]


def test_views_that_agree_are_averaged_by_score() -> None:
    fused = fuse(poses(upright(0), score=0.6), poses(upright(2), score=0.3), skeleton=COCO17)
    hip = COCO17.joints.index("left hip")
    assert fused.keypoints[0, hip, 0] == pytest.approx(20 + 2 * 0.3 / 0.9, abs=1e-4)
    assert fused.keypoint_scores[0, hip] == pytest.approx(0.45)


def test_where_views_differ_the_certain_one_wins_and_loses_score() -> None:
    other = upright()
    other[9] += 300
    fused = fuse(poses(upright(), score=0.4), poses(other, score=0.8), skeleton=COCO17)
    assert fused.keypoints[0, 9] == pytest.approx(other[9], abs=1e-4)
    assert fused.keypoint_scores[0, 9] == pytest.approx(0.4)


def test_a_view_alone_is_itself() -> None:
    person = poses(upright())
    fused = fuse(person, skeleton=COCO17)
    assert np.allclose(fused.keypoints, person.keypoints) and np.allclose(fused.scores, person.scores)


def test_the_order_of_two_views_does_not_matter_to_the_joints() -> None:
    rng = np.random.default_rng(0)
    a, b = (poses(upright() + rng.normal(0, 8, (17, 2)).astype(np.float32), score=s) for s in (0.5, 0.7))
    b = Poses(b.keypoints, b.keypoint_scores, a.boxes_xyxy, b.scores)
    one, other = fuse(a, b, skeleton=COCO17), fuse(b, a, skeleton=COCO17)
    assert np.allclose(one.keypoints, other.keypoints, atol=1e-4)


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda skeleton: skeleton.name)
def test_in_every_skeleton_views_agree_and_the_refinement_crop_is_centred_on_the_hips(skeleton: Skeleton) -> None:
    rng = np.random.default_rng(0)
    person = poses(rng.uniform(100, 300, (len(skeleton), 2)).astype(np.float32), joints=len(skeleton))
    assert np.allclose(fuse(person, person, skeleton=skeleton).keypoints, person.keypoints, atol=1e-3)
    assert len(suppress(Poses.joined([person, person]), skeleton, "oks", 0.6)) == 1
    (region,) = refine_regions(person, skeleton, INPUT, [OLD])
    hips = person.keypoints[0, skeleton.both("hip")]
    if len(hips):
        centre = (region.x_px + region.width_px / 2, region.y_px + region.height_px / 2)
        assert centre == pytest.approx(hips.mean(axis=0), abs=1e-3)
    else:
        assert region == OLD


# ---- flip test


def of_movenet(keypoints: Floats, region: Region) -> Floats:
    """MoveNet's output (1, 17, 3) for a person in a region; in a mirrored region it names left joints right."""
    size_hw = INPUT.size_hw
    assert size_hw is not None
    there = to_input(region, size_hw)
    points = (keypoints @ there[:, :2].T + there[:, 2] + 0.5) / size_hw[0]
    seen = points[COCO17.mirror] if region.width_px < 0 else points
    return np.concatenate([seen[:, ::-1], np.full((17, 1), 0.5)], axis=1, dtype=np.float32)[None]


def test_where_the_codec_takes_no_mean_of_outputs_that_of_both_poses_is_taken() -> None:
    people = [upright(120), upright(500)]
    regions = [Region(0, 20, 320, 320), Region(380, 20, 320, 320)]
    regions += [mirrored(region) for region in regions]
    outputs = np.stack([of_movenet(person, region) for person, region in zip(people * 2, regions, strict=True)])
    outputs[2:, :, :, 1] += 2 / 320  # 2 px to the right in mirrored views, to the left in the frame
    spec = find("movenet-thunder")
    mean = pose_each(Plan(spec, DETECTOR, flip=True), codec_for(spec), [outputs], regions, (256, 256))
    np.testing.assert_allclose(mean.keypoints, np.array(people) - (1, 0), atol=0.02)


def maps_of(spec: ModelSpec, keypoints: Floats) -> Floats:
    """Ideal maps of a person at these pixels of the input."""
    person = Poses(
        keypoints[None], np.ones((1, len(keypoints)), np.float32), np.zeros((1, 4), np.float32), np.ones(1, np.float32)
    )
    codec, size_hw = codec_for(spec), spec.input.size_hw
    assert size_hw is not None
    maps: Floats = codec.encode(person, size_hw)[0]  # type: ignore[attr-defined]  # heat maps are encoders too
    return maps


@pytest.mark.parametrize("name", ["hrnet-w32", "hrnet-w32-mpii"])
def test_of_heat_maps_the_mean_is_taken_before_they_are_decoded(name: str) -> None:
    spec = find(name)
    size_hw, skeleton = spec.input.size_hw, SKELETONS[spec.skeleton or ""]
    assert size_hw is not None
    height, width = size_hw
    rng = np.random.default_rng(1)
    seen = (rng.integers(4, 40, (len(skeleton), 2)) * 4).astype(np.float32)
    straight = maps_of(spec, seen)
    # The network's maps of a mirrored image: one cell to the left of those in its authors' mean, and mirrored.
    in_mirror = np.concatenate([straight[..., 1:], straight[..., -1:]], axis=-1)[skeleton.mirror][..., ::-1]
    regions = [Region(-0.5, -0.5, width, height), mirrored(Region(-0.5, -0.5, width, height))]
    plan = Plan(spec, DETECTOR, flip=True)
    poses = pose_each(plan, codec_for(spec), [np.stack([straight, in_mirror])], regions, size_hw)
    assert len(poses) == 1
    np.testing.assert_allclose(poses.keypoints[0], seen, atol=1.01)


def ideal_views(spec: ModelSpec, plan: Plan, person: Floats, region: Region) -> tuple[Floats, list[Region]]:
    """Ideal maps of a person, in frame pixels, in every view of a plan."""
    size_hw, skeleton = spec.input.size_hw, SKELETONS[spec.skeleton or ""]
    assert size_hw is not None
    regions = views_of([region], plan)
    maps = []
    for each in regions:
        there = to_input(each, size_hw)
        seen = (person @ there[:, :2].T + there[:, 2]).astype(np.float32)
        maps.append(maps_of(spec, seen[skeleton.mirror] if each.width_px < 0 else seen))
    return np.stack(maps), regions


@pytest.mark.parametrize("name", ["cpm-flic", "hourglass-s2", "hrnet-w32"])
@pytest.mark.parametrize("flip", [False, True])
def test_the_multi_scale_test_finds_people_where_they_are(name: str, flip: bool) -> None:
    spec = find(name)
    assert spec.input.size_hw is not None
    plan = Plan(spec, DETECTOR, flip=flip, scales=(0.8, 1.0, 1.25))
    height, width = spec.input.size_hw
    region = Region(100, 50, width, height)
    rng = np.random.default_rng(2)
    joints = len(SKELETONS[spec.skeleton or ""])
    person = ((100, 50) + np.array([width, height]) * rng.uniform(0.25, 0.75, (joints, 2))).astype(np.float32)
    maps, regions = ideal_views(spec, plan, person, region)
    poses = pose_each(plan, codec_for(spec), [maps], regions, (height, width))
    assert len(poses) == 1
    cell_px = width / maps.shape[-1]
    assert np.abs(poses.keypoints[0] - person).max() < cell_px


def test_where_there_are_no_maps_a_pose_is_the_mean_of_those_at_all_sizes() -> None:
    spec = find("movenet-thunder")
    plan = Plan(spec, DETECTOR, scales=(1.0, 0.8))
    regions = views_of([Region(0, 20, 320, 320)], plan)
    person = upright(120)
    outputs = np.stack([of_movenet(person, region) for region in regions])
    outputs[1, ..., 1] += 2 / 400  # 2 px to the right at the smaller size
    poses = pose_each(plan, codec_for(spec), [outputs], regions, (256, 256))
    np.testing.assert_allclose(poses.keypoints[0], person + np.array([1, 0]), atol=0.02)


def test_two_boxes_on_one_person_give_one_pose() -> None:
    both = Poses.joined([poses(upright(0), score=0.3), poses(upright(1), score=0.6), poses(upright(400), score=0.1)])
    assert suppress(both, COCO17, "oks", 0.6).scores == pytest.approx([0.6, 0.1])


def test_nobody_goes_through() -> None:
    none = Poses.none(17)
    assert len(suppress(fuse(none, none, skeleton=COCO17), COCO17, "oks", 0.6)) == 0
    nothing = np.zeros((0, 1, 17, 3), np.float32)
    spec = find("movenet-thunder")
    assert len(pose_each(Plan(spec, DETECTOR, flip=True), codec_for(spec), [nothing], [], (256, 256))) == 0
    assert refine_regions(none, COCO17, INPUT, []) == []


@pytest.mark.parametrize("skeleton", [COCO17, MPII16])
def test_parametric_nms_makes_one_pose_of_two_of_a_person(skeleton: Skeleton) -> None:
    rng = np.random.default_rng(0)
    someone = rng.uniform(0, 300, (len(skeleton), 2)).astype(np.float32)
    both = poses(someone, someone + 1, someone + 2000, score=0.9, joints=len(skeleton))
    assert len(suppress(both, skeleton, "parametric", 0.6)) == 2


def test_parametric_nms_was_learnt_for_some_skeletons() -> None:
    assert set(PARAMETRIC) == {"coco17", "mpii16"}
