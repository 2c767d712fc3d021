"""A camera's scene: passes over a frame, identities over frames, regions for the next one."""

import numpy as np
import pytest

from posestream.engines.geometry import mirrored
from posestream.engines.plan import Plan, Region
from posestream.engines.results import Poses
from posestream.engines.skeletons import COCO17, SKELETONS, Skeleton
from posestream.stream.people.scene import NextPass
from tests.stream.people.figures import walker, walker_in
from tests.stream.people.networks import DETECTOR, POSE, detected, mapped, maps_network, plan, posed, scene

FRAME_NS = 33_000_000


def box_of(person: Poses) -> list[float]:
    return [float(edge) for edge in person.boxes_xyxy[0]]


def test_after_the_detector_each_person_is_posed_in_the_same_frame() -> None:
    again = scene(plan()).after_pass(0, detected(box_of(walker(100, 180)), box_of(walker(250, 180))))
    assert isinstance(again, NextPass)
    assert again.network == POSE.name
    centres = sorted(region.x_px + region.width_px / 2 for region in again.regions)
    assert centres == pytest.approx([100, 250], abs=3)


def test_an_empty_frame_is_done_after_the_detector() -> None:
    view = scene(plan())
    found = view.after_pass(0, detected())
    assert isinstance(found, Poses)
    conclusion = view.conclude(0, found, (), 0)
    assert conclusion.people == []
    assert conclusion.regions == ()


def test_a_person_has_the_networks_joints_and_the_score_of_detector_and_pose_together() -> None:
    view, person = scene(plan()), walker(180, 180, score=0.8)
    again = view.after_pass(0, detected(box_of(person), score=0.5))
    assert isinstance(again, NextPass)
    look = posed(again.regions, person)
    found = view.after_pass(0, look)
    assert isinstance(found, Poses)
    (published,) = view.conclude(0, found, look.regions, 0).people
    assert published.skeleton == "coco17"
    assert published.score == pytest.approx(0.5 * 0.8, abs=1e-3)
    np.testing.assert_allclose(np.array(published.keypoints)[:, :2], person.keypoints[0], atol=0.01)


def test_between_detections_a_person_is_followed_and_keeps_the_id() -> None:
    view, ids = scene(plan()), []
    regions: tuple[Region, ...] = ()
    for frame in range(5):
        person = walker(120 + 4 * frame, 180, stride=frame / 3)
        if frame == 0:
            again = view.after_pass(frame, detected(box_of(person)))
            assert isinstance(again, NextPass)
            regions = again.regions
        look = posed(regions, person)
        found = view.after_pass(frame, look)
        assert isinstance(found, Poses)
        conclusion = view.conclude(frame, found, look.regions, frame * FRAME_NS)
        regions = conclusion.regions
        ids.append(conclusion.people[0].id)
        assert regions[0].person == ids[0]
    assert len(set(ids)) == 1
    assert ids[0] is not None


def test_images_of_a_folder_have_no_ids_and_leave_nothing_to_follow() -> None:
    view, person = scene(plan(detect_every=1), independent_images=True), walker(180, 180)
    again = view.after_pass(0, detected(box_of(person)))
    assert isinstance(again, NextPass)
    look = posed(again.regions, person)
    found = view.after_pass(0, look)
    assert isinstance(found, Poses)
    conclusion = view.conclude(0, found, look.regions, 0)
    assert [published.id for published in conclusion.people] == [None]
    assert conclusion.regions == ()


def test_with_refine_each_person_is_posed_a_second_time() -> None:
    view, person = scene(plan(refine=True)), walker(180, 180)
    first = view.after_pass(0, detected(box_of(person)))
    assert isinstance(first, NextPass)
    second = view.after_pass(0, posed(first.regions, person))
    assert isinstance(second, NextPass)
    found = view.after_pass(0, posed(second.regions, person))
    assert isinstance(found, Poses)
    np.testing.assert_allclose(found.keypoints[0], person.keypoints[0], atol=0.05)


def test_frames_in_flight_keep_the_detector_scores_of_their_own() -> None:
    view, person = scene(plan(detect_every=1, refine=True)), walker(180, 180, score=0.8)
    detector_scores = (0.5, 0.9)
    passes = [view.after_pass(seq, detected(box_of(person), score=s)) for seq, s in enumerate(detector_scores)]
    poses = {}
    for seq in (1, 0):  # the later frame is the faster one
        first = passes[seq]
        assert isinstance(first, NextPass)
        second = view.after_pass(seq, posed(first.regions, person))
        assert isinstance(second, NextPass)
        poses[seq] = view.after_pass(seq, posed(second.regions, person)), second.regions
    for seq, score in enumerate(detector_scores):
        found, regions = poses[seq]
        assert isinstance(found, Poses)
        (published,) = view.conclude(seq, found, regions, seq * FRAME_NS).people
        assert published.score == pytest.approx(score * 0.8, abs=1e-3)


def test_with_flip_the_mirrored_half_of_a_batch_is_folded_into_the_other() -> None:
    view, person = scene(plan(flip=True)), walker(180, 180)
    again = view.after_pass(0, detected(box_of(person)))
    assert isinstance(again, NextPass)
    straight = posed(again.regions, person)
    mirror = posed([mirrored(region) for region in again.regions], person)
    # The network names joints by appearance: in a mirror the left side is the right one.
    mirror.outputs[0][:] = mirror.outputs[0][:, :, COCO17.mirror]
    both = np.concatenate([straight.outputs[0], mirror.outputs[0]])
    found = view.after_pass(0, type(straight)(POSE.name, straight.regions + mirror.regions, straight.size_hw, [both]))
    assert isinstance(found, Poses)
    assert len(found) == 1
    np.testing.assert_allclose(found.keypoints[0], person.keypoints[0], atol=0.05)


def test_a_frame_that_was_given_up_leaves_nobody_to_follow() -> None:
    view, person = scene(plan()), walker(180, 180)
    again = view.after_pass(0, detected(box_of(person)))
    assert isinstance(again, NextPass)
    look = posed(again.regions, person)
    found = view.after_pass(0, look)
    assert isinstance(found, Poses)
    view.conclude(0, found, look.regions, 0)
    view.forget(1)
    assert isinstance(view.after_pass(2, detected()), Poses)


def test_time_that_goes_back_in_a_damaged_file_stands_still() -> None:
    view, person = scene(plan()), walker(180, 180)
    for frame, at_ns in enumerate((FRAME_NS, 0, 2 * FRAME_NS)):
        again = view.after_pass(frame, detected(box_of(person)))
        assert isinstance(again, NextPass)
        look = posed(again.regions, person)
        found = view.after_pass(frame, look)
        assert isinstance(found, Poses)
        assert len(view.conclude(frame, found, look.regions, at_ns).people) == 1


def test_people_scored_too_low_are_not_published() -> None:
    view, person = scene(plan()), walker(180, 180, score=0.05)
    again = view.after_pass(0, detected(box_of(person), score=0.5))
    assert isinstance(again, NextPass)
    look = posed(again.regions, person)
    found = view.after_pass(0, look)
    assert isinstance(found, Poses)
    assert view.conclude(0, found, look.regions, 0).people == []


def test_a_doubtful_newcomer_is_not_published_but_somebody_known_is_who_becomes_doubtful() -> None:
    view, at_ns, ids = scene(plan()), 0, []
    for frame, score in enumerate((0.12, 0.8, 0.12)):
        person = walker(180, 180, score=score)
        again = view.after_pass(frame, detected(box_of(person), score=0.99))
        assert isinstance(again, NextPass)
        look = posed(again.regions, person)
        found = view.after_pass(frame, look)
        assert isinstance(found, Poses)
        ids.append([published.id for published in view.conclude(frame, found, look.regions, at_ns).people])
        at_ns += FRAME_NS
    assert ids == [[], [1], [1]]


# ---- networks of other skeletons


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda skeleton: skeleton.name)
def test_people_of_every_skeleton_are_followed_smoothed_and_published(skeleton: Skeleton) -> None:
    network = maps_network(skeleton)
    view, published = scene(Plan(network, DETECTOR, detect_every=10)), []
    regions: tuple[Region, ...] = ()
    for frame in range(6):
        person = walker_in(skeleton, 150 + 3 * frame, 180, height_px=200)
        if frame == 0:
            again = view.after_pass(frame, detected(box_of(person), score=0.5))
            assert isinstance(again, NextPass)
            regions = again.regions
        look = mapped(network, regions, person)
        found = view.after_pass(frame, look)
        assert isinstance(found, Poses)
        conclusion = view.conclude(frame, found, look.regions, frame * FRAME_NS)
        regions = conclusion.regions
        (someone,) = conclusion.people
        published.append(someone)
        keypoints = np.array(someone.keypoints)
        np.testing.assert_allclose(keypoints[:, :2], person.keypoints[0], atol=4)  # a cell of the map is 3 px
    assert {someone.skeleton for someone in published} == {skeleton.name}
    assert {someone.id for someone in published} == {1}


def test_between_detections_the_detectors_score_counts_once() -> None:
    """Whatever joints the codec leaves out of the score of a pose, as HRNet's does with unsure ones."""
    network = maps_network(COCO17)
    view, scores = scene(Plan(network, DETECTOR, detect_every=10)), []
    regions: tuple[Region, ...] = ()
    person = walker(180, 180, height_px=200)
    person.keypoint_scores[0, 13:] = 0  # knees and ankles
    for frame in range(6):
        if frame == 0:
            again = view.after_pass(frame, detected(box_of(person), score=0.5))
            assert isinstance(again, NextPass)
            regions = again.regions
        look = mapped(network, regions, person)
        found = view.after_pass(frame, look)
        assert isinstance(found, Poses)
        conclusion = view.conclude(frame, found, look.regions, frame * FRAME_NS)
        regions = conclusion.regions
        scores.append(conclusion.people[0].score)
    assert scores == pytest.approx([0.5] * 6, abs=0.01)


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda skeleton: skeleton.name)
def test_with_flip_and_refine_maps_of_every_skeleton_give_one_pose_a_person(skeleton: Skeleton) -> None:
    network, person = maps_network(skeleton), walker_in(skeleton, 180, 180, height_px=200)
    view = scene(Plan(network, DETECTOR, flip=True, refine=True))
    again = view.after_pass(0, detected(box_of(person)))
    for _ in range(2):
        assert isinstance(again, NextPass)
        regions = [*again.regions, *map(mirrored, again.regions)]
        straight, mirror = (mapped(network, [region], person) for region in regions)
        both = np.concatenate([straight.outputs[0], mirror.outputs[0]])
        again = view.after_pass(0, type(straight)(network.name, tuple(regions), straight.size_hw, [both]))
    assert isinstance(again, Poses)
    assert len(again) == 1
    np.testing.assert_allclose(again.keypoints[0], person.keypoints[0], atol=4)


def test_scores_are_published_in_their_range() -> None:
    view, person = scene(plan()), walker(180, 180, score=1.5)  # logits are not probabilities
    again = view.after_pass(0, detected(box_of(person)))
    assert isinstance(again, NextPass)
    look = posed(again.regions, person)
    found = view.after_pass(0, look)
    assert isinstance(found, Poses)
    (someone,) = view.conclude(0, found, look.regions, 0).people
    assert max(score for _, _, score in someone.keypoints) == someone.score == 1.0
