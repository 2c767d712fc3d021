"""Skeletons: joint tables and conversion."""

import numpy as np
import pytest

from posestream.engines.results import Poses
from posestream.engines.skeletons import COCO17, FLIC11, LSP14, MPII16, OPENPOSE18, SKELETONS, Skeleton, convert, placed

ALL = pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)


def poses_of(skeleton: Skeleton, people: int = 2) -> Poses:
    rng = np.random.default_rng(1)
    keypoints = rng.uniform(0, 100, (people, len(skeleton), 2)).astype(np.float32)
    boxes = np.concatenate([keypoints.min(axis=1), keypoints.max(axis=1)], axis=1)
    return Poses(keypoints, np.ones((people, len(skeleton)), np.float32), boxes, np.ones(people, np.float32))


@ALL
def test_a_table_is_sound(skeleton: Skeleton) -> None:
    assert len(set(skeleton.joints)) == len(skeleton) == int("".join(c for c in skeleton.name if c.isdigit()))
    assert all(0 <= a < len(skeleton) and 0 <= b < len(skeleton) and a != b for a, b in skeleton.edges)
    assert len({frozenset(edge) for edge in skeleton.edges}) == len(skeleton.edges)
    assert skeleton.published_sigmas is None or len(skeleton.published_sigmas) == len(skeleton)


@ALL
def test_every_joint_but_the_middle_ones_has_its_mirror(skeleton: Skeleton) -> None:
    sided = [j for j in skeleton.joints if j.startswith(("left ", "right "))]
    assert len(skeleton.flip_pairs) * 2 == len(sided)
    assert all(skeleton.joints[a][5:] == skeleton.joints[b][6:] for a, b in skeleton.flip_pairs)
    assert (skeleton.mirror[skeleton.mirror] == np.arange(len(skeleton))).all()


@pytest.mark.parametrize(
    ("skeleton", "pairs"),
    [
        (COCO17, {(i, i + 1) for i in range(1, 17, 2)}),
        (MPII16, {(5, 0), (4, 1), (3, 2), (15, 10), (14, 11), (13, 12)}),
        (FLIC11, {(0, 3), (1, 4), (2, 5), (6, 7), (8, 9)}),
    ],
)
def test_flip_pairs_are_the_published_ones(skeleton: Skeleton, pairs: set[tuple[int, int]]) -> None:
    assert set(skeleton.flip_pairs) == pairs


def test_coco_joints_are_in_the_order_of_the_annotations() -> None:
    expected = (
        "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist"
    )
    expected += " right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
    assert [j.replace(" ", "_") for j in COCO17.joints] == expected.split()


def test_openpose_without_its_neck_is_coco() -> None:
    poses = poses_of(OPENPOSE18)
    coco = convert(poses, OPENPOSE18, COCO17)
    for i, joint in enumerate(COCO17.joints):
        assert (coco.keypoints[:, i] == poses.keypoints[:, OPENPOSE18.joints.index(joint)]).all()
    assert set(OPENPOSE18.joints) - set(COCO17.joints) == {"neck"}


def test_joints_that_the_source_lacks_score_nothing() -> None:
    mpii = convert(poses_of(LSP14), LSP14, MPII16)
    missing = np.isin(MPII16.joints, ("pelvis", "thorax"))
    assert (mpii.keypoint_scores == ~missing).all()
    assert np.isfinite(mpii.keypoints).all()


def test_nobody_converts_to_nobody() -> None:
    assert len(convert(Poses.none(18), OPENPOSE18, COCO17)) == 0


def test_sigmas_are_the_published_ones_or_by_name_those_of_coco() -> None:
    assert COCO17.sigmas.tolist() == list(COCO17.published_sigmas or ())
    assert MPII16.sigmas.tolist() == list(MPII16.published_sigmas or ())
    wrist, neck = (OPENPOSE18.sigmas[OPENPOSE18.joints.index(joint)] for joint in ("left wrist", "neck"))
    assert wrist == COCO17.sigmas[COCO17.joints.index("left wrist")]
    assert neck == pytest.approx(COCO17.sigmas.mean())


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda skeleton: skeleton.name)
def test_every_skeleton_has_shoulders_and_all_but_one_have_hips_to_place_a_crop_by(skeleton: Skeleton) -> None:
    for part in ("shoulder",) if skeleton.name == "flic7" else ("shoulder", "hip"):
        assert {skeleton.joints[i] for i in skeleton.both(part)} == {f"left {part}", f"right {part}"}


def test_joints_of_the_same_name_are_the_same_in_another_skeleton() -> None:
    people = np.random.default_rng(0).uniform(0, 100, (3, len(LSP14), 2))
    there = placed(people, LSP14.joints, MPII16)
    # The published map: LSP's joints 0-5 are MPII's, 6-11 are 10-15, neck and head top are 8 and 9.
    np.testing.assert_array_equal(there[:, [*range(6), *range(10, 16), 8, 9]], people)


def test_middles_of_hips_and_shoulders_stand_for_pelvis_thorax_and_neck() -> None:
    people = np.random.default_rng(0).uniform(0, 100, (3, len(COCO17), 2))
    there = placed(people, COCO17.joints, MPII16)
    # COCO's joints that are MPII's 0-5 and 10-15, as published.
    np.testing.assert_array_equal(
        there[:, [*range(6), *range(10, 16)]], people[:, [16, 14, 12, 11, 13, 15, 10, 8, 6, 5, 7, 9]]
    )
    np.testing.assert_allclose(there[:, 6], people[:, [11, 12]].mean(axis=1))
    np.testing.assert_allclose(there[:, 7], people[:, [5, 6]].mean(axis=1))
    assert np.isnan(there[:, [8, 9]]).all()  # COCO has neither upper neck nor head top


def test_flics_joints_are_cocos() -> None:
    people = np.random.default_rng(0).uniform(0, 100, (3, len(FLIC11), 2))
    there = placed(people, FLIC11.joints, COCO17)
    np.testing.assert_array_equal(there[:, [5, 7, 9, 6, 8, 10, 11, 12, 1, 2, 0]], people)
    assert np.isnan(there[:, [3, 4, 13, 14, 15, 16]]).all()


def test_a_middle_of_a_joint_that_is_not_there_is_not_there() -> None:
    people = np.full((1, len(LSP14), 2), 7.0)
    people[0, LSP14.joints.index("left hip")] = np.nan
    there = placed(people, LSP14.joints, MPII16)
    assert np.isnan(there[0, MPII16.joints.index("pelvis")]).all()
    assert there[0, MPII16.joints.index("thorax")].tolist() == [7, 7]
