"""The chain codec: exact marginals on a tree of joints, and joints of ideal maps at their places."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from posestream.engines.codecs import chain_model, chain_priors
from posestream.engines.codecs.chain import Chain
from posestream.engines.geometry import mirrored
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import COCO17, FLIC7
from posestream.engines.zoo.literature.jain2014_models import SPECS
from tools.priors import fit_chain as drawing

SIZE_HW = (256, 192)
REGION = Region(-0.5, -0.5, 192, 256)
HEIGHT_PX = 256 / 1.25  # of people at the network's size
PRIORS = chain_priors.read(FLIC7)

CODEC = Chain(SPECS[0])


def person(joints: NDArray[np.float64], labelled: NDArray[np.bool_] | None = None) -> Poses:
    scores = np.ones((1, 7), np.float32) if labelled is None else labelled[None].astype(np.float32)
    return Poses(joints[None].astype(np.float32), scores, np.zeros((1, 4), np.float32), np.ones(1, np.float32))


def standing(x_px: float = 96.0, y_px: float = 60.0, height_px: float = HEIGHT_PX) -> NDArray[np.float64]:
    """Arms hang, the left one a little away."""
    shape = [(0, -0.07), (0.11, 0.05), (0.15, 0.21), (0.19, 0.35), (-0.11, 0.05), (-0.13, 0.21), (-0.11, 0.36)]
    return np.array(shape) * height_px + (x_px, y_px)


def responses(*people: Poses, scale: int = 0) -> list[Floats]:
    """Ideal responses of all people at one of the scales, zeros at the others."""
    maps = np.max([CODEC.encode(one, SIZE_HW)[0] for one in people], axis=0).clip(0)
    shapes = [(1, 7, *(n or 0 for n in spec.shape[2:])) for spec in SPECS[0].outputs]
    outputs = [np.zeros(shape, np.float32) for shape in shapes]
    outputs[scale][0] = maps if scale == 0 else maps[:, : shapes[scale][2], : shapes[scale][3]]
    return outputs


def decode(outputs: list[Floats], region: Region = REGION) -> Poses:
    return CODEC.decode(outputs, [region] * len(outputs[0]), SIZE_HW)


def away(found: Poses, joints: NDArray[np.float64]) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = np.linalg.norm(found.keypoints[0] - joints, axis=1)
    return distances


# --- the model


def by_enumeration(maps: NDArray[np.float64], links: NDArray[np.float64], face: NDArray[np.float64]) -> list[Floats]:
    """Marginals of the face and one joint on each side, by a sum over all placements of the three."""
    height, width = maps.shape[1:]
    cells = list(itertools.product(range(height), range(width)))
    likely = 0.02 + 0.98 * maps
    reach = links.shape[1] // 2

    def link(inner: tuple[int, int], outer: tuple[int, int], side: int) -> float:
        y, x = outer[0] - inner[0] + reach, side * (outer[1] - inner[1]) + reach
        inside = 0 <= y <= 2 * reach and 0 <= x <= 2 * reach
        return float(0.9 * (links[0, y, x] if inside else 0) + 0.1 / len(cells))

    beliefs = np.zeros_like(maps)
    for a, b, c in itertools.product(cells, cells, cells):
        together = likely[0][a] * face[a[1]] * likely[1][b] * likely[2][c] * link(a, b, 1) * link(a, c, -1)
        for joint, cell in enumerate((a, b, c)):
            beliefs[joint][cell] += together
    return list(beliefs)


def test_beliefs_are_those_of_all_ways_to_place_the_joints() -> None:
    random = np.random.default_rng(0)
    maps, links = random.random((3, 3, 4)), random.random((1, 3, 3))
    links /= links.sum()
    face = np.array([0.5, 1.0, 1.0, 0.5])
    ours, evidence = chain_model.marginals(maps[None], links, face)
    exact = np.array(by_enumeration(maps, links, face))
    # The sums that all joints share are left out, but for the factors of the face's columns.
    np.testing.assert_allclose(ours[0], exact, rtol=1e-9)
    np.testing.assert_allclose(evidence, exact[0].max(), rtol=1e-9)


def test_every_joint_believes_in_the_same_whole() -> None:
    """The sum of a joint's unnormalised marginal is the probability of the maps, for every joint of a tree."""
    maps = np.random.default_rng(1).random((2, 7, 20, 16))
    beliefs, _ = chain_model.marginals(maps, chain_priors.kernels(PRIORS, 0.08), np.ones(16))
    totals = beliefs.sum(axis=(2, 3))
    np.testing.assert_allclose(totals, np.repeat(totals[:, :1], 7, axis=1), rtol=1e-9)


def test_the_mirrored_picture_is_believed_mirrored_with_sides_exchanged() -> None:
    maps = np.random.default_rng(2).random((1, 7, 24, 18))
    links, face = chain_priors.kernels(PRIORS, 0.06), np.hanning(18)
    straight = chain_model.marginals(maps, links, face).beliefs
    other = chain_model.marginals(maps[:, FLIC7.mirror][..., ::-1], links, face).beliefs
    np.testing.assert_allclose(other[:, FLIC7.mirror][..., ::-1], straight, rtol=1e-9)


def test_priors_are_learnt_from_people_whichever_arm_is_labelled() -> None:
    people = drawing.joints(3000, np.random.default_rng(5))
    left, right = people.copy(), people.copy()
    left[:, 4:], right[:, 1:4] = np.nan, np.nan
    of_left, of_right = chain_priors.fit(left), chain_priors.fit(right)
    np.testing.assert_allclose(of_left.sum(axis=(1, 2)), 1)
    assert np.abs(of_left - of_right).max() < 0.01
    assert np.abs(chain_priors.fit(people) - PRIORS).max() < 0.01


def test_the_data_file_is_what_its_tool_writes() -> None:
    assert chain_priors.file_of(FLIC7).read_text() == drawing.as_json(PRIORS, FLIC7)


def test_a_skeleton_without_a_file_of_priors_is_refused() -> None:
    with pytest.raises(ValueError, match="no priors for coco17"):
        chain_priors.read(COCO17)


def test_priors_of_nobody_are_refused() -> None:
    with pytest.raises(ValueError, match="nobody has both ends of link 1 of 3 labelled, within reach"):
        chain_priors.fit(np.full((4, 7, 2), np.nan))


def test_a_left_shoulder_is_below_the_face_and_to_the_right_in_the_picture() -> None:
    y, x = np.unravel_index(PRIORS[0].argmax(), PRIORS[0].shape)
    assert y > chain_priors.BINS // 2 and x > chain_priors.BINS // 2


@pytest.mark.parametrize("cell", [0.01, 0.02, 0.06])
def test_kernels_keep_the_offsets_of_their_priors_at_any_size_of_cells(cell: float) -> None:
    def mean(prior: NDArray[np.float64], size: float) -> NDArray[np.float64]:
        at = (np.arange(len(prior)) - len(prior) // 2) * size
        moments = [(prior.sum(axis=axis) * at).sum() for axis in (0, 1)]
        return np.asarray(np.array(moments) / prior.sum(), np.float64)

    for prior, kernel in zip(PRIORS, chain_priors.kernels(PRIORS, cell), strict=True):
        assert kernel.sum() == pytest.approx(1)
        np.testing.assert_allclose(mean(kernel, cell), mean(prior, chain_priors.BIN), atol=0.01)


# --- the codec


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    x=st.floats(-0.5, 191.49),
    y=st.floats(-0.5, 255.49),
    labelled=st.lists(st.booleans(), min_size=7, max_size=7),
)
def test_joints_come_back_within_a_pixel_wherever_they_are_and_whichever_are_labelled(
    seed: int, x: float, y: float, labelled: list[bool]
) -> None:
    joints = drawing.joints(1, np.random.default_rng(seed))[0] * HEIGHT_PX + (x, y)
    inside = ((joints >= -0.5) & (joints < (191.5, 255.5))).all(axis=1) & np.array(labelled)
    found = decode(responses(person(joints, np.array(labelled))))
    assert ((found.keypoint_scores[0] > 0) == inside).all()
    assert away(found, joints)[inside].max(initial=0) < 1


def test_in_a_turned_mirrored_crop_joints_keep_their_sides() -> None:
    region = mirrored(Region(40, 30, 96, 128, angle_rad=0.3))
    straight, there = decode(responses(person(standing()))), decode(responses(person(standing())), region)
    assert (there.keypoint_scores == straight.keypoint_scores[:, FLIC7.mirror]).all()
    # The crop is half as large and mirrored: the left arm is at the place of the right one in the other crop.
    lengths = [np.linalg.norm(p.keypoints[0, 1] - p.keypoints[0, 3]) for p in (straight, there)]
    right = np.linalg.norm(straight.keypoints[0, 4] - straight.keypoints[0, 6])
    assert lengths[1] == pytest.approx(right / 2, rel=1e-4)


def test_a_false_response_out_of_reach_loses_against_a_weaker_one_in_reach() -> None:
    joints = standing()
    outputs = responses(person(joints))
    outputs[0][0, 2] *= 0.4  # the left elbow
    outputs[0][0, 2, 60, 5] = 1.0
    assert away(decode(outputs), joints).max() < 1


def test_one_broken_link_does_not_lose_the_rest() -> None:
    joints = standing()
    joints[3] = (180, 12)  # no wrist is there
    found = decode(responses(person(joints)))
    assert away(found, joints).max() < 1


def test_of_a_crowd_the_one_in_the_middle_is_taken_whole() -> None:
    middle = standing(96)
    neighbours = [person(standing(x)) for x in (6, 186)]
    assert away(decode(responses(neighbours[0], person(middle), neighbours[1])), middle).max() < 1


def test_where_nothing_responds_nothing_is_found() -> None:
    found = decode(responses(person(standing(), np.zeros(7, bool))))
    assert (found.keypoint_scores == 0).all() and (found.scores == 0).all()
    assert np.isfinite(found.keypoints).all()


def test_a_joint_that_nothing_responds_to_is_put_where_the_others_have_it() -> None:
    joints = standing()
    seen = np.ones(7, bool)
    seen[2] = False  # the left elbow
    found = decode(responses(person(joints, seen)))
    assert found.keypoint_scores[0, 2] == 0
    assert away(found, joints)[2] < 0.15 * HEIGHT_PX


def test_a_large_person_is_found_at_the_small_scale() -> None:
    """A person in the maps of half the size is twice as large; cells are at the centres of their pixels."""
    joints = standing(48, 40)
    found = decode(responses(person(joints), scale=2))
    assert away(found, joints * 2 + 0.5).max() < 2


def test_nobody_in_nobody_out() -> None:
    assert len(CODEC.decode([one[:0] for one in responses(person(standing()))], [], SIZE_HW)) == 0


def test_people_are_explained_each_by_themselves() -> None:
    one, other = responses(person(standing(80))), responses(person(standing(110, 70)))
    both = CODEC.decode([np.concatenate(pair) for pair in zip(one, other, strict=True)], [REGION] * 2, SIZE_HW)
    np.testing.assert_allclose(both.keypoints[0], decode(one).keypoints[0], atol=1e-3)
    np.testing.assert_allclose(both.keypoints[1], decode(other).keypoints[0], atol=1e-3)


def test_targets_are_positive_near_a_joint_and_negative_twenty_pixels_away() -> None:
    joints = standing()
    joints[0] = (97.5, 61.5)  # the middle of the patch of cell (15, 24)
    (maps,) = CODEC.encode(person(joints), SIZE_HW)
    assert maps[0, 15, 24] == 1
    assert maps[0, 15, 25] == pytest.approx(np.exp(-0.5))
    assert maps[0, 15, 28] > 0 and maps[0, 15, 29] == 0


def test_a_joint_not_labelled_or_outside_is_unknown_everywhere() -> None:
    joints, labelled = standing(), np.ones(7, bool)
    labelled[1] = False
    joints[2] = (200, 100)
    (maps,) = CODEC.encode(person(joints, labelled), SIZE_HW)
    assert (maps[1:3] == -1).all()
    assert (maps[[0, 3, 4, 5, 6]] >= 0).all()
