"""DeeperCut's codecs: everybody is found in ideal maps of known people."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posestream.engines.codecs import codec_for
from posestream.engines.codecs.boxes import around
from posestream.engines.codecs.multicut import Multicut, stages
from posestream.engines.codecs.part_maps import SPREAD_PX
from posestream.engines.codecs.part_scores import PartScores
from posestream.engines.geometry import mirrored
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import COCO17, LSP14
from posestream.engines.zoo.literature.deepercut_models import SPECS
from tools.priors.fit_pairwise import figures

SIZE = (480, 640)
REGION = Region(-0.5, -0.5, 640, 480)
BY_NAME = {spec.name: spec for spec in SPECS}
CODEC = Multicut(BY_NAME["deepercut-r101"])
SINGLE = PartScores(BY_NAME["deepercut-r101-single"])
APART_PX = 60  # between joints of one type: detections suppress others within 5 cells


def poses_of(keypoints: Floats, scores: Floats | None = None) -> Poses:
    scores = np.ones(keypoints.shape[:2], np.float32) if scores is None else scores
    return Poses(keypoints, scores, around(keypoints, scores, 0.5), np.ones(len(keypoints), np.float32))


def crowd(seed: int, count: int, size_hw: tuple[int, int] = SIZE) -> Poses:
    """Up to `count` people of many heights and poses, anywhere within the image, borders included."""
    random = np.random.default_rng(seed)
    chosen: list[Floats] = []
    for figure in figures(40 * count, random):
        person = figure * random.uniform(120, 330)
        person -= person.min(axis=0)
        room = np.array(size_hw[::-1]) - 1 - person.max(axis=0)
        if (room < 0).any() or len(chosen) == count:
            continue
        person = (person + room * random.choice([0, 1, *random.random(3)], 2)).astype(np.float32)
        if all(np.linalg.norm(person - other, axis=1).min() > APART_PX for other in chosen):
            chosen.append(person)
    return poses_of(np.array(chosen, np.float32).reshape(-1, 14, 2))


def ideal(people: Poses, size_hw: tuple[int, int] = SIZE) -> list[Floats]:
    """Ideal outputs: the targets without their weights."""
    scores, _, locref, _, pairwise, _ = CODEC.encode(people, size_hw)
    return [maps[None] for maps in (scores, locref, pairwise)]


def found_in(outputs: list[Floats], region: Region = REGION, codec: Multicut | PartScores = CODEC) -> Poses:
    return codec.decode(outputs, [region], SIZE)


def assert_same(found: Poses, people: Poses) -> None:
    """Asserts that everybody is found within a pixel and nobody else; unlabelled joints are not found."""
    assert len(found) == len(people)
    labelled = people.keypoint_scores > 0
    apart = np.linalg.norm(found.keypoints[:, None] - people.keypoints[None], axis=-1)
    worst = np.where(labelled[None], apart, 0).max(axis=-1, initial=0)
    partner = worst.argmin(axis=0) if len(found) else np.zeros(0, np.intp)
    assert sorted(partner) == list(range(len(people)))
    assert worst[partner, np.arange(len(people))].max(initial=0) <= 1
    assert ((found.keypoint_scores[partner] > 0) == labelled).all()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(0, 8))
def test_a_crowd_comes_back_from_ideal_maps_within_a_pixel_and_told_apart(seed: int, count: int) -> None:
    people = crowd(seed, count)
    assert_same(found_in(ideal(people)), people)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_joints_without_a_label_are_not_found_and_the_others_are(seed: int, missing: int) -> None:
    people = crowd(seed, 4)
    scores = people.keypoint_scores.copy()
    for person in scores:
        person[np.random.default_rng(seed).choice(14, missing, replace=False)] = 0
    people = poses_of(people.keypoints, scores)
    assert_same(found_in(ideal(people)), people)


def test_people_of_whom_only_legs_are_seen_are_found_in_the_last_stage() -> None:
    people = crowd(5, 2)
    scores = people.keypoint_scores.copy()
    scores[0, 6:] = 0
    assert_same(found_in(ideal(poses_of(people.keypoints, scores))), poses_of(people.keypoints, scores))


def test_nobody_is_found_where_nobody_is() -> None:
    people = Poses.none(14)
    assert len(found_in(ideal(people))) == 0
    assert CODEC.decode([maps[:0] for maps in ideal(people)], [], SIZE).keypoints.shape == (0, 14, 2)


def test_a_joint_alone_is_nobody() -> None:
    people = crowd(1, 1)
    scores = np.zeros((1, 14), np.float32)
    scores[0, 12:] = 1
    assert len(found_in(ideal(poses_of(people.keypoints, scores)))) == 0


def test_parts_that_all_score_little_are_nobody_however_well_they_agree() -> None:
    """Some weak peaks of noise lie as the joints of a person do; a map of noise once gave twenty false people."""
    people = crowd(3, 4)
    scores, *offsets = ideal(people)
    assert len(found_in([0.3 * scores, *offsets])) == 0
    assert len(found_in([0.5 * scores, *offsets])) == len(people)


def test_people_are_found_through_noise() -> None:
    random = np.random.default_rng(0)
    people = crowd(3, 5)
    scores, locref, pairwise = ideal(people)
    noisy = [
        np.clip(0.9 * scores + 0.03 * random.standard_normal(scores.shape), 0, 1).astype(np.float32),
        (locref + 0.1 * random.standard_normal(locref.shape)).astype(np.float32),
        (pairwise + 0.1 * random.standard_normal(pairwise.shape)).astype(np.float32),
    ]
    found = found_in(noisy)
    assert len(found) == len(people)
    apart = np.linalg.norm(found.keypoints[:, None] - people.keypoints[None], axis=-1).max(axis=-1)
    assert apart.min(axis=0).max() < 5


def test_a_mirrored_region_gives_joints_their_true_names() -> None:
    people = crowd(4, 3)
    turned = people.keypoints[:, LSP14.mirror].copy()
    turned[..., 0] = 639 - turned[..., 0]
    assert_same(found_in(ideal(poses_of(turned)), mirrored(REGION)), people)


def test_regions_are_decoded_into_one_frame_and_people_in_both_are_taken_once() -> None:
    people = crowd(4, 3)
    maps = ideal(people)
    twice = CODEC.decode([np.concatenate([m, m]) for m in maps], [REGION, REGION], SIZE)
    assert_same(twice, people)
    far = CODEC.decode([np.concatenate([m, m]) for m in maps], [REGION, REGION._replace(x_px=2000)], SIZE)
    assert len(far) == 2 * len(people)


def test_a_part_with_two_peaks_in_a_person_is_their_mean_weighted_by_score() -> None:
    people = crowd(2, 1)
    outputs = ideal(people)
    scores, locref, _ = outputs
    wrist = LSP14.joints.index("left wrist")
    row, column = np.argwhere(scores[0, wrist] > 0)[0]
    locref[0, 2 * wrist : 2 * wrist + 2] = 0
    scores[0, wrist] = 0
    scores[0, wrist, row, column], scores[0, wrist, row + 3, column] = 0.9, 0.45
    merged = found_in(outputs, codec=Multicut(SPECS[0], radius=2))
    assert len(merged) == 1
    wanted = (8 * column + 4, 8 * row + 4 + 24 * 0.45 / 1.35)
    assert merged.keypoints[0, wrist] == pytest.approx(wanted, abs=1e-3)
    assert merged.keypoint_scores[0, wrist] == pytest.approx(0.9)


@pytest.mark.parametrize(("other_score", "both"), [(0.45, True), (0.35, False)])
def test_one_place_is_two_parts_only_where_both_score_well(other_score: float, both: bool) -> None:
    people = crowd(2, 1)
    scores, locref, pairwise = ideal(people)
    left, right = LSP14.joints.index("left wrist"), LSP14.joints.index("right wrist")
    place = slice(2 * left, 2 * left + 2)
    locref[0, 2 * right : 2 * right + 2] = locref[0, place]
    for b in range(14):  # the right wrist predicts the same offsets as the left one
        if b not in (left, right):
            for axis in (0, 1):
                pairwise[0, channel(right, b) + axis] = moved(pairwise, left, right, b, axis)
                pairwise[0, channel(b, right) + axis] = moved_back(pairwise, left, right, b, axis)
    scores[0, right] = scores[0, left] * other_score
    found = found_in([scores, locref, pairwise])
    assert len(found) == 1
    assert found.keypoint_scores[0, left] == 1
    assert (found.keypoint_scores[0, right] > 0) == both


def channel(a: int, b: int) -> int:
    return 2 * (13 * a + b - (a < b))


def moved(pairwise: Floats, left: int, right: int, b: int, axis: int) -> Floats:
    """The offsets from the left wrist to b, normalised as those from the right one."""
    means, stds = CODEC._table.means, CODEC._table.stds
    px = pairwise[0, channel(left, b) + axis] * stds[left, b, axis] + means[left, b, axis]
    return np.asarray((px - means[right, b, axis]) / stds[right, b, axis], np.float32)


def moved_back(pairwise: Floats, left: int, right: int, b: int, axis: int) -> Floats:
    means, stds = CODEC._table.means, CODEC._table.stds
    px = pairwise[0, channel(b, left) + axis] * stds[b, left, axis] + means[b, left, axis]
    return np.asarray((px - means[b, right, axis]) / stds[b, right, axis], np.float32)


def test_stages_are_heads_and_shoulders_then_arms_then_legs() -> None:
    assert [[LSP14.joints[j] for j in stage] for stage in stages(LSP14)] == [
        ["right shoulder", "left shoulder", "upper neck", "head top"],
        ["right wrist", "right elbow", "left elbow", "left wrist"],
        ["right ankle", "right knee", "right hip", "left hip", "left knee", "left ankle"],
    ]
    assert sum(len(stage) for stage in stages(COCO17)) == 17


def test_a_skeleton_without_a_table_is_refused() -> None:
    assert isinstance(codec_for(SPECS[0]), Multicut)
    with pytest.raises(ValueError, match="no pairwise table for coco17"):
        codec_for(replace(SPECS[0], skeleton="coco17"))


def test_noise_takes_bounded_time() -> None:
    random = np.random.default_rng(0)
    maps = [random.random((1, 14, 86, 86)), *(random.standard_normal((1, c, 86, 86)) for c in (28, 364))]
    before = time.process_time()
    found_in([m.astype(np.float32) for m in maps])
    assert time.process_time() - before < 10  # about 0.7 s


# Targets


def test_a_score_is_1_in_the_cells_whose_centre_is_within_17_pixels() -> None:
    keypoints = np.full((1, 14, 2), 104.0, np.float32) + 4
    scores = SINGLE.encode(poses_of(keypoints), (216, 216))[0]
    rows, columns = np.nonzero(scores[0])
    wanted = {(r, c) for r in range(27) for c in range(27) if np.hypot(8 * r + 4 - 108, 8 * c + 4 - 108) <= 17}
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == wanted


def test_the_refinement_leads_from_the_middle_of_a_cell_to_the_joint() -> None:
    keypoints = np.full((1, 14, 2), (41.0, 30.0), np.float32)
    _, _, locref, weights = SINGLE.encode(poses_of(keypoints), (80, 80))
    assert locref[:2, 3, 4] == pytest.approx(np.array([41 - 36, 30 - 28]) / SPREAD_PX)
    assert weights[:2, 3, 4].tolist() == [1, 1] and weights[:, 9, 9].max() == 0


def test_of_two_people_a_cell_is_of_the_nearer_one() -> None:
    keypoints = np.stack([np.full((14, 2), (40.0, 40.0)), np.full((14, 2), (58.0, 40.0))]).astype(np.float32)
    locref = CODEC.encode(poses_of(keypoints), (80, 104))[2]
    assert locref[0, 4, 5] == pytest.approx((40 - 44) / SPREAD_PX)
    assert locref[0, 4, 6] == pytest.approx((58 - 52) / SPREAD_PX)


def test_where_a_joint_has_no_label_its_scores_do_not_count() -> None:
    people = crowd(4, 2)
    scores = people.keypoint_scores.copy()
    scores[0, 3] = 0
    targets, weights = CODEC.encode(poses_of(people.keypoints, scores), SIZE)[:2]
    column, row = (people.keypoints[0, 3] / 8).astype(int)
    assert weights[3, row, column] == 0 and weights[4, row, column] == 1
    assert weights[3][targets[3] > 0].min() == 1  # the other person's is known
    assert weights[3].mean() > 0.3  # far from the person they count
    alone = SINGLE.encode(poses_of(people.keypoints[:1], scores[:1]), SIZE)[1]
    assert alone[3].max() == 0 and alone[4].min() == 1


def test_pairwise_targets_count_where_both_joints_have_a_label() -> None:
    people = crowd(4, 1)
    scores = people.keypoint_scores.copy()
    scores[0, 3] = 0
    weights = CODEC.encode(poses_of(people.keypoints, scores), SIZE)[5]
    assert weights[channel(3, 4)].max() == 0 and weights[channel(4, 3)].max() == 0
    assert weights[channel(4, 5)].max() == 1


# One person


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_one_person_comes_back_from_ideal_maps_within_a_pixel(seed: int) -> None:
    person = crowd(seed, 1)
    found = found_in(ideal(person), codec=SINGLE)
    assert np.abs(found.keypoints - person.keypoints).max() <= 1e-3
    assert (found.keypoint_scores == 1).all()


def test_one_pose_a_region_in_their_order() -> None:
    people = [crowd(seed, 1) for seed in (1, 2)]
    outputs = [np.concatenate(maps) for maps in zip(*(ideal(person) for person in people), strict=True)]
    found = SINGLE.decode(outputs, [REGION, REGION._replace(x_px=99.5)], SIZE)
    assert np.abs(found.keypoints[0] - people[0].keypoints[0]).max() < 1e-3
    assert np.abs(found.keypoints[1] - people[1].keypoints[0] - (100, 0)).max() < 1e-3


def test_a_part_that_scores_too_little_is_not_found() -> None:
    scores, locref, _ = ideal(crowd(1, 1))
    scores[0, 5] *= 0.1
    codec = PartScores(BY_NAME["deepercut-r101-single"], min_score=0.2)
    assert found_in([scores, locref], codec=codec).keypoint_scores[0].tolist() == [1] * 5 + [0] + [1] * 8


def test_the_mean_with_the_mirrored_maps_of_the_same_person_is_the_person() -> None:
    """A cell's pixel is 4 px from its left edge and 3 px from its right one, which mirroring must account for."""
    person = crowd(6, 1)
    turned = person.keypoints[:, LSP14.mirror].copy()
    turned[..., 0] = 639 - turned[..., 0]
    both = [np.concatenate(maps) for maps in zip(ideal(person), ideal(poses_of(turned)), strict=True)]
    mean = SINGLE.flip_mean(both[:2])
    assert [m.shape[0] for m in mean] == [1, 1]
    assert np.abs(found_in(mean, codec=SINGLE).keypoints - person.keypoints).max() < 1e-3
