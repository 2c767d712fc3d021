"""People from part affinity fields, on ideal maps of known people."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.codecs import codec_for
from posestream.engines.codecs.paf import PartAffinityFields
from posestream.engines.geometry import mirrored
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import COCO17, OPENPOSE18
from posestream.engines.zoo.catalogue import find

SPEC = replace(find("openpose-mobilenet-thin"), skeleton="openpose18")
SIZE = (368, 432)
REGION = Region(-0.5, -0.5, 432, 368)  # pixels of frame and input are the same
# The channels of the fields as OpenPose publishes them (mapIdx, counted from the first of the 57 maps).
FIELDS = ((31, 39, 33, 35, 41, 43, 19, 21, 23, 25, 27, 29), (47, 49, 53, 51, 55, 37, 45))


def standing(x: float, y: float = 40.0, height: float = 250.0) -> Floats:
    """A person facing the camera, head at the top: (18, 2) in pixels."""
    unit = {
        **{"nose": (0, 0), "neck": (0, 0.12), "eye": (0.03, -0.03), "ear": (0.07, -0.01), "shoulder": (0.12, 0.12)},
        **{"elbow": (0.17, 0.3), "wrist": (0.18, 0.47), "hip": (0.08, 0.5), "knee": (0.09, 0.75), "ankle": (0.09, 1)},
    }
    sides = {"left": 1, "right": -1}
    places = []
    for joint in OPENPOSE18.joints:
        side, _, name = joint.rpartition(" ")
        dx, dy = unit[name]
        places.append((x + sides.get(side, 1) * dx * height, y + dy * height))
    return np.array(places, np.float32)


def maps_of(*people: Floats, width_px: float = 10.0) -> NDArray[np.float32]:
    """Ideal heat maps and fields: Gaussians, and unit vectors along each limb."""
    rows, columns = SIZE[0] // 8, SIZE[1] // 8
    centres = (np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1) + 0.5) * 8 - 0.5
    maps = np.zeros((1, rows, columns, 57), np.float32)
    for person in people:
        for joint, place in enumerate(person):
            if not np.isnan(place).any():
                blob = np.exp(-((centres - place) ** 2).sum(axis=-1) / (2 * 9.0**2))
                maps[0, ..., joint] = np.maximum(maps[0, ..., joint], blob)
        for (a, b), channel in zip(OPENPOSE18.edges, sum(FIELDS, ()), strict=True):
            along = person[b] - person[a]
            length = np.linalg.norm(along)
            if np.isnan(length):
                continue
            unit = along / length
            forward = (centres - person[a]) @ unit
            sideways = np.abs((centres - person[a]) @ np.array([-unit[1], unit[0]]))
            maps[0, (forward > -8) & (forward < length + 8) & (sideways <= width_px), channel : channel + 2] = unit
    return maps


def people_in(maps: NDArray[np.float32], *regions: Region, codec: PartAffinityFields | None = None) -> Poses:
    poses = (codec or codec_for(SPEC)).decode([maps], regions or (REGION,), SIZE)
    assert isinstance(poses, Poses)
    return poses


def test_a_drawn_person_is_found_within_a_pixel() -> None:
    poses = people_in(maps_of(standing(200.3)))
    assert len(poses) == 1
    body = [i for i, name in enumerate(OPENPOSE18.joints) if not name.endswith(("eye", "ear"))]  # heads are one cell
    assert np.abs(poses.keypoints[0, body] - standing(200.3)[body]).max() <= 1
    assert (poses.keypoint_scores[0] > 0.5).all() and (poses.keypoint_scores <= 1).all()


def test_two_people_side_by_side_are_told_apart() -> None:
    poses = people_in(maps_of(standing(120), standing(290)))
    assert len(poses) == 2
    assert sorted(poses.keypoints[:, 1, 0]) == pytest.approx([120, 290], abs=1)
    assert (np.ptp(poses.keypoints[..., 0], axis=1) < 110).all()


def test_crossing_arms_stay_with_their_owners() -> None:
    one, other = standing(150), standing(260)
    one[[6, 7]] = (215, 120), (235, 160)  # its left elbow and wrist reach into the other
    other[[3, 4]] = (200, 150), (190, 110)  # and the other's right ones into it
    poses = people_in(maps_of(one, other, width_px=6))
    ordered = poses.keypoints[np.argsort(poses.keypoints[:, 1, 0])]
    assert np.abs(ordered[0, [6, 7]] - one[[6, 7]]).max() <= 4
    assert np.abs(ordered[1, [3, 4]] - other[[3, 4]]).max() <= 4


def test_a_joint_that_is_hidden_has_score_0_and_a_finite_place() -> None:
    person = standing(200)
    person[10] = np.nan
    poses = people_in(maps_of(person))
    assert poses.keypoint_scores[0, 10] == 0 and (np.delete(poses.keypoint_scores[0], 10) > 0).all()
    assert np.isfinite(poses.keypoints).all()


def test_people_at_the_borders_are_found() -> None:
    poses = people_in(maps_of(standing(2, y=5), standing(429, y=115)))
    assert len(poses) == 2 and np.isfinite(poses.keypoints).all()


def test_an_empty_scene_is_nobody() -> None:
    assert len(people_in(np.zeros((1, 46, 54, 57), np.float32))) == 0


def test_lone_joints_are_nobody() -> None:
    maps = maps_of(standing(200))
    maps[..., 19:] = 0
    assert len(people_in(maps)) == 0


@pytest.mark.parametrize(("hole_px", "linked"), [(25, True), (50, False)])
def test_a_limb_needs_its_field_at_nine_of_ten_samples(hole_px: float, linked: bool) -> None:
    """The field has a hole over one sample of the upper arm, or over two: eight are not more than 80 %."""
    person = standing(330)
    right_shoulder, right_elbow = person[2], 3
    person[right_elbow], person[4] = right_shoulder - (240, 0), np.nan
    maps = maps_of(person)
    upper_arm = FIELDS[0][2]
    maps[:, :, round(155 / 8) : round((155 + hole_px) / 8) + 1, upper_arm : upper_arm + 2] = 0
    poses = people_in(maps)
    assert (poses.keypoint_scores[0, right_elbow] > 0) == linked


def test_somebody_faint_whose_limbs_are_plain_is_found() -> None:
    """The score of a person is that of joints and limbs, as in the authors' code; joints alone exclude small people."""
    maps = maps_of(standing(200))
    maps[..., :18] *= 0.15
    assert len(people_in(maps)) == 1
    maps[..., 19:] *= 0.4
    assert len(people_in(maps, codec=PartAffinityFields(SPEC, score=0.6))) == 0


def test_maps_of_noise_give_finite_poses() -> None:
    noise = np.random.default_rng(3).normal(0, 0.3, (1, 46, 54, 57)).astype(np.float32)
    assert np.isfinite(people_in(noise).keypoints).all()


def test_a_mirrored_view_agrees_with_the_plain_one() -> None:
    person = standing(150)
    seen = person[OPENPOSE18.mirror]  # joints as named in the mirrored image
    seen[:, 0] = 431 - seen[:, 0]
    poses = people_in(np.concatenate([maps_of(person), maps_of(seen)]), REGION, mirrored(REGION))
    assert len(poses) == 1
    poses = people_in(maps_of(seen), mirrored(REGION))
    assert np.abs(poses.keypoints[0, :14] - person[:14]).max() <= 1


def test_poses_come_in_the_skeleton_of_the_spec() -> None:
    poses = people_in(maps_of(standing(200)), codec=PartAffinityFields(replace(SPEC, skeleton="coco17")))
    assert poses.keypoints.shape == (1, 17, 2)
    assert np.abs(poses.keypoints[0, COCO17.joints.index("left wrist")] - standing(200)[7]).max() <= 1
