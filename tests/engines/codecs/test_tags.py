"""Associative embedding: people in a crowd from ideal maps and tags."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from posestream.engines.codecs.grouping import Candidates, group
from posestream.engines.codecs.tags import MAX_PEOPLE, AssociativeEmbedding
from posestream.engines.geometry import mirrored
from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.engines.skeletons import COCO17
from posestream.engines.zoo.literature.higherhrnet_models import SPECS
from tests.engines.codecs.parity import tagged

SIZE_HW = (256, 320)
WHOLE = Region(-0.5, -0.5, 320, 256)
CODEC = AssociativeEmbedding(SPECS[0])

# A standing person 100 px high, relative to the middle of the shoulders: COCO's 17 joints.
FIGURE = np.array(
    [
        *((0, -14), (3, -18), (-3, -18), (7, -16), (-7, -16), (13, 0), (-13, 0), (18, 20), (-18, 20), (20, 38)),
        *((-20, 38), (9, 40), (-9, 40), (10, 62), (-10, 62), (11, 82), (-11, 82)),
    ],
    np.float32,
)


def crowd(places: list[tuple[float, float]], labelled: NDArray[np.bool_] | None = None) -> Poses:
    keypoints = np.stack([FIGURE + place for place in places]).astype(np.float32)
    scores = np.ones(keypoints.shape[:2], np.float32) if labelled is None else labelled.astype(np.float32)
    boxes = np.concatenate([keypoints.min(axis=1), keypoints.max(axis=1)], axis=1)
    return Poses(keypoints, scores, boxes, np.ones(len(keypoints), np.float32))


def ideal(people: Poses) -> list[NDArray[np.float32]]:
    """Ideal outputs: the target maps, and tag i around every joint of person i."""
    coarse, fine, cells = CODEC.encode(people, SIZE_HW)
    rows, columns = np.mgrid[: coarse.shape[1], : coarse.shape[2]]
    tags = np.zeros_like(coarse)
    for joint in range(17):
        mine = cells[:, joint][cells[:, joint] >= 0]
        if len(mine):
            y, x = np.divmod(mine, coarse.shape[2])
            squares = (rows - y[:, None, None]) ** 2 + (columns - x[:, None, None]) ** 2
            tags[joint] = 2.0 * np.nonzero(cells[:, joint] >= 0)[0][squares.argmin(axis=0)]
    return [np.concatenate([coarse, tags])[None].astype(np.float32), fine[None]]


def matched(found: Poses, truth: Poses) -> NDArray[np.intp]:
    """The index of the pose with the nearest joints, for each true person."""
    apart = np.linalg.norm(found.keypoints[None] - truth.keypoints[:, None], axis=-1).mean(axis=-1)
    return np.asarray(apart.argmin(axis=1), np.intp)


@settings(max_examples=15)
@given(
    first=st.tuples(st.floats(30, 60), st.floats(30, 150)),
    second=st.tuples(st.floats(110, 150), st.floats(30, 150)),
    third=st.tuples(st.floats(200, 280), st.floats(30, 150)),
)
def test_three_people_are_found_to_a_pixel(
    first: tuple[float, float], second: tuple[float, float], third: tuple[float, float]
) -> None:
    truth = crowd([first, second, third])
    found = CODEC.decode(ideal(truth), [WHOLE], SIZE_HW)
    assert len(found) == 3
    assert np.abs(found.keypoints[matched(found, truth)] - truth.keypoints).max() <= 1.5  # targets round to 2 px cells
    assert np.abs(found.keypoints[matched(found, truth)] - truth.keypoints).mean() <= 1.0


def test_people_who_overlap_keep_their_own_joints() -> None:
    truth = crowd([(100, 100), (125, 104)])
    found = CODEC.decode(ideal(truth), [WHOLE], SIZE_HW)
    assert len(found) == 2
    assert np.abs(found.keypoints[matched(found, truth)] - truth.keypoints).max() <= 1.5


def test_a_joint_that_is_nowhere_in_the_map_has_no_score() -> None:
    labelled = np.ones((1, 17), bool)
    labelled[0, [9, 16]] = False
    found = CODEC.decode(ideal(crowd([(100, 100)], labelled)), [WHOLE], SIZE_HW)
    assert (found.keypoint_scores[0] > 0).tolist() == labelled[0].tolist()


def test_a_joint_too_weak_for_a_candidate_is_filled_in_by_its_tag() -> None:
    """The left wrists of both people at a tenth of their strength: each person gets the one with their tag."""
    truth = crowd([(80, 100), (220, 100)])
    coarse, fine = ideal(truth)
    coarse[0, 9] *= 0.09
    fine[0, 9] *= 0.09
    found = CODEC.decode([coarse, fine], [WHOLE], SIZE_HW)
    assert len(found) == 2
    assert (found.keypoint_scores[:, 9] < 0.1).all()
    assert np.abs(found.keypoints[matched(found, truth)][:, 9] - truth.keypoints[:, 9]).max() <= 1.5


def test_somebody_seen_in_a_mirror_too_is_taken_once() -> None:
    truth = crowd([(80, 100), (220, 110)])
    turned = crowd([(80, 100), (220, 110)])
    turned.keypoints[..., 0] = 319 - turned.keypoints[..., 0]
    seen = Poses(turned.keypoints[:, COCO17.mirror], turned.keypoint_scores, turned.boxes_xyxy, turned.scores)
    both = [np.concatenate(maps) for maps in zip(ideal(truth), ideal(seen), strict=True)]
    found = CODEC.decode(both, [WHOLE, mirrored(WHOLE)], SIZE_HW)
    assert len(found) == 2
    assert np.abs(found.keypoints[matched(found, truth)] - truth.keypoints).max() <= 1.5


def test_somebody_at_the_border_is_found_with_the_joints_that_are_inside() -> None:
    truth = crowd([(8, 30)])
    inside = (truth.keypoints[0] >= 0).all(axis=1)
    assert 0 < inside.sum() < 17
    found = CODEC.decode(ideal(truth), [WHOLE], SIZE_HW)
    assert len(found) == 1
    assert np.abs(found.keypoints[0, inside] - truth.keypoints[0, inside]).max() <= 1.5


def test_nobody_is_nobody() -> None:
    empty = [np.zeros((1, 34, 64, 80), np.float32), np.zeros((1, 17, 128, 160), np.float32)]
    assert len(CODEC.decode(empty, [WHOLE], SIZE_HW)) == 0


def test_noise_gives_no_more_people_than_there_may_be() -> None:
    random = np.random.default_rng(0)
    noise = [random.random((1, 34, 64, 80), np.float32), random.random((1, 17, 128, 160), np.float32)]
    found = CODEC.decode(noise, [WHOLE], SIZE_HW)
    assert 0 < len(found) <= MAX_PEOPLE
    assert np.isfinite(found.keypoints).all() and found.scores.max() <= 1


def test_the_best_come_first() -> None:
    labelled = np.ones((2, 17), bool)
    labelled[0, 5:] = False
    found = CODEC.decode(ideal(crowd([(80, 100), (220, 100)], labelled)), [WHOLE], SIZE_HW)
    assert found.scores[0] > found.scores[1]
    assert found.keypoints[0, 0, 0] > 150


def test_more_people_than_targets_have_room_for_are_refused() -> None:
    with pytest.raises(ValueError, match="31 people in one image: 30 at most"):
        CODEC.encode(crowd([(100.0, 100.0)] * 31), SIZE_HW)


def candidates(*joints: tuple[int, float, float]) -> Candidates:
    """Joints as (type, score, tag)."""
    types, scores, tags = (np.array(values) for values in zip(*joints, strict=True))
    places = np.zeros((len(joints), 2), np.intp)
    return Candidates(types.astype(np.intp), places, scores.astype(np.float32), tags.astype(np.float32))


def test_of_two_candidates_with_tags_alike_the_surer_one_is_the_persons() -> None:
    people = group(candidates((0, 0.9, 5.0), (1, 0.3, 5.1), (1, 0.8, 5.2)), 1.0)
    assert people[0, :2].tolist() == [0, 2]


def test_a_candidate_whose_tag_is_far_from_all_begins_another_person() -> None:
    people = group(candidates((0, 0.9, 5.0), (1, 0.8, 6.0)), 1.0)
    assert people[:, :2].tolist() == [[0, -1], [-1, 1]]


def test_the_mean_tag_of_a_person_decides_not_the_first() -> None:
    people = group(candidates((0, 0.9, 0.0), (1, 0.9, 0.8), (2, 0.9, 1.35)), 1.0)
    assert people.tolist() == [[0, 1, 2] + [-1] * 14]


def test_where_rounded_distances_leave_a_choice_the_nearer_tag_decides() -> None:
    """Both candidates are within 0.5 of both people: in the authors' code all assignments cost the same."""
    people = group(candidates((0, 0.9, 0.0), (0, 0.9, 0.4), (1, 0.5, 0.39), (1, 0.5, 0.01)), 1.0)
    assert people[:, :2].tolist() == [[0, 3], [1, 2]]


def test_a_candidate_for_a_new_person_does_not_take_that_of_somebody_who_is_there() -> None:
    """Tags 0.3 and -10, people at 0 and 10: both assignments have a sum of distances of 20, one joins nobody."""
    people = group(candidates((0, 0.9, 0.0), (0, 0.9, 10.0), (1, 0.9, 0.3), (1, 0.9, -10.0)), 1.0)
    assert people[:, :2].tolist() == [[0, 2], [1, -1], [-1, 3]]


@pytest.mark.parametrize("scene", range(len(tagged.SEEDS)))
def test_the_people_in_imperfect_maps_are_those_that_the_authors_decoder_finds(scene: int) -> None:
    """Including filled joints and quarter cells. Resizing tags to the input in one step once moved joints."""
    with np.load(Path(tagged.__file__).with_name("tags.npz"), allow_pickle=False) as recorded:
        people, scores = recorded[f"people_{scene}"], recorded[f"scores_{scene}"]
    best_first = np.argsort(-scores, kind="stable")
    people, scores = people[best_first], scores[best_first]
    height, width = tagged.SIZE_HW
    found = CODEC.decode(
        [one[None] for one in tagged.maps(scene)], [Region(-0.5, -0.5, width, height)], (height, width)
    )
    assert found.scores == pytest.approx(scores, abs=1e-6)
    assert found.keypoint_scores == pytest.approx(people[..., 2], abs=1e-6)
    there = people[..., 2] > 0
    assert np.abs(found.keypoints - people[..., :2])[there].max() < 1e-3
