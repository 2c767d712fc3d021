import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.geometry import crop_around
from posestream.engines.plan import Region
from posestream.engines.results import Boxes, Poses
from posestream.engines.skeletons import COCO17
from posestream.engines.spec import Fit, InputSpec, TensorSpec
from posestream.stream.config import RegionSettings
from posestream.stream.people.regions import CropToPose, Followed, follow, merge
from posestream.stream.people.track import DUPLICATE, UNKNOWN
from tests.stream.people.figures import crowd, walker

SETTINGS = RegionSettings(
    crop_scale=1.05, box_score=0.35, image_box_score=0.2, keep_score=0.2, joint_score=0.2, same_iou=0.3
)
SQUARE = InputSpec(TensorSpec("input", "int32", (1, 192, 192, 3)), "nhwc", "rgb", Fit.CROP)
UPRIGHT = InputSpec(TensorSpec("input", "float32", (1, 256, 192, 3)), "nhwc", "rgb", Fit.CROP)
HIPS = [11, 12]


def followed(
    poses: Poses,
    *ids: int,
    spec: InputSpec = SQUARE,
    velocities: NDArray[np.float64] | None = None,
    ahead_s: float = 0.0,
) -> list[Followed]:
    still = np.zeros((len(poses), 2))
    return follow(
        poses,
        np.array(ids, np.intp),
        still if velocities is None else velocities,
        ahead_s,
        skeleton=COCO17,
        spec=spec,
        settings=SETTINGS,
    )


def merged(boxes: Boxes, people: list[Followed], max_people: int = 10) -> list[Region]:
    return [crop.region for crop in crops_of(boxes, people, max_people)]


def crops_of(boxes: Boxes, people: list[Followed], max_people: int = 10) -> list[CropToPose]:
    return merge(boxes, people, spec=SQUARE, settings=SETTINGS, max_people=max_people)


def boxes_of(poses: Poses) -> Boxes:
    """A detector's boxes: a little larger than the poses."""
    grow = np.array([-5, -15, 5, 10], np.float32)
    return Boxes(poses.boxes_xyxy + grow, poses.scores)


def middle(region: Region) -> tuple[float, float]:
    return region.x_px + region.width_px / 2, region.y_px + region.height_px / 2


def holds(region: Region, keypoints: NDArray[np.float32]) -> bool:
    inside = (keypoints >= (region.x_px, region.y_px)).all(axis=-1)
    inside &= (keypoints <= (region.x_px + region.width_px, region.y_px + region.height_px)).all(axis=-1)
    return bool(inside.all())


# ---- follow ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [SQUARE, UPRIGHT])
def test_the_crop_lies_about_the_hips_holds_the_whole_person_and_has_the_inputs_aspect(spec: InputSpec) -> None:
    poses = walker(200, 300, stride=1.0)
    (person,) = followed(poses, 4, spec=spec)
    assert spec.size_hw is not None
    assert middle(person.region) == pytest.approx((200, 300))
    assert holds(person.region, poses.keypoints[0])
    assert person.region.width_px / person.region.height_px == pytest.approx(spec.size_hw[1] / spec.size_hw[0])
    assert person.region.person == 4


def test_the_crop_of_a_square_input_is_movenets() -> None:
    poses = walker(200, 300, height_px=100)
    (person,) = followed(poses, 1)
    furthest_px = 46.0  # from the hips to an ankle; the torso's 30 px times 1.9 are more than that times 1.2
    assert person.region.width_px == pytest.approx(2 * max(1.9 * 30.0, 1.2 * furthest_px))


def test_joints_that_are_not_sure_do_not_widen_the_crop() -> None:
    poses = walker(200)
    before = followed(poses, 1)
    poses.keypoints[0, 9] += 900
    poses.keypoint_scores[0, 9] = 0.1
    assert followed(poses, 1)[0].region == before[0].region


def test_without_sure_hips_the_crop_is_the_box_and_a_quarter() -> None:
    poses = walker(200)
    poses.keypoint_scores[0, HIPS] = 0.1
    (person,) = followed(poses, 1)
    left, top, right, bottom = poses.boxes_xyxy[0]
    assert middle(person.region) == pytest.approx(((left + right) / 2, (top + bottom) / 2))
    assert person.region.height_px == pytest.approx(1.25 * (bottom - top))


def test_of_somebody_cut_off_below_the_shoulders_the_crop_does_not_close_in_on_the_head() -> None:
    poses = walker(200, 300)
    shoulders_hips_y = poses.keypoints[0, [5, 11], 1].tolist()
    poses.keypoints[0, [5, 6], 0] = 240, 160  # wide shoulders, as before a webcam
    poses.keypoint_scores[0, 7:] = 0.05
    poses.boxes_xyxy[0, 3] = shoulders_hips_y[0]
    (person,) = followed(poses, 1)
    assert person.region.y_px + person.region.height_px > shoulders_hips_y[0] + 80
    assert person.region.width_px > 1.25 * 80


def test_the_crop_goes_ahead_with_the_person() -> None:
    poses = walker(200, 300)
    (still,) = followed(poses, 1)
    (going,) = followed(poses, 1, velocities=np.array([[300.0, -60.0]]), ahead_s=0.1)
    assert middle(going.region) == pytest.approx((230, 294))
    assert going.region.width_px == still.region.width_px
    np.testing.assert_allclose(np.subtract(going.box_xyxy, still.box_xyxy), [30, -6, 30, -6], atol=1e-4)


def test_a_person_without_an_id_is_followed_as_nobody_known() -> None:
    assert [person.region.person for person in followed(walker(200), UNKNOWN)] == [-1]


def test_doubtful_people_and_duplicates_are_let_go_and_the_best_comes_first() -> None:
    people = crowd(walker(100, score=0.5), walker(300, score=0.1), walker(102, score=0.9), walker(500, score=0.8))
    assert [p.region.person for p in followed(people, 1, 2, DUPLICATE, 3)] == [3, 1]


def test_nobody_leaves_nothing_to_follow() -> None:
    assert followed(Poses.none(17)) == []


# ---- merge -----------------------------------------------------------------------------------------------------------


def test_a_followed_person_who_is_detected_keeps_the_identity_and_is_posed_in_the_crop_of_the_box() -> None:
    poses = crowd(walker(100), walker(400))
    boxes = boxes_of(poses)
    regions = merged(boxes, followed(poses, 8, 9))
    assert sorted(regions) == [
        crop_around(boxes.xyxy[0], SQUARE, SETTINGS.crop_scale, person=8),
        crop_around(boxes.xyxy[1], SQUARE, SETTINGS.crop_scale, person=9),
    ]


def test_a_box_is_enlarged_as_the_network_was_trained_unless_settings_say_otherwise() -> None:
    boxes = boxes_of(walker(100))
    as_trained = msgspec.structs.replace(SETTINGS, crop_scale=0.0)
    (region,) = merge(boxes, [], spec=UPRIGHT, settings=as_trained, max_people=1)
    assert region.region == crop_around(boxes.xyxy[0], UPRIGHT, UPRIGHT.crop_scale)
    (region,) = merge(boxes, [], spec=UPRIGHT, settings=SETTINGS, max_people=1)
    assert region.region == crop_around(boxes.xyxy[0], UPRIGHT, 1.05)


def test_a_box_where_nobody_is_followed_is_somebody_new() -> None:
    regions = merged(boxes_of(crowd(walker(100), walker(400))), followed(walker(100), 8))
    assert [region.person for region in regions] == [8, -1]
    assert middle(regions[1])[0] == pytest.approx(400)
    assert holds(regions[1], walker(400).keypoints[0])


def test_a_followed_person_whom_the_detector_misses_is_looked_at_once_more() -> None:
    people = followed(walker(100), 8)
    assert merged(Boxes.none(), people) == [people[0].region]


def test_neighbours_in_a_crowd_are_told_apart() -> None:
    row = crowd(*(walker(100 + 45 * n) for n in range(5)))
    regions = merged(boxes_of(row), followed(row.take(np.array([0, 1, 3])), 1, 2, 4))
    assert sorted(region.person for region in regions) == [-1, -1, 1, 2, 4]
    assert sorted(round(middle(region)[0]) for region in regions) == [100, 145, 190, 235, 280]


def test_when_there_are_too_many_those_known_and_seen_stay_and_then_the_best() -> None:
    known = followed(crowd(walker(100, score=0.4), walker(300, score=0.2)), 1, 2)
    boxes = boxes_of(crowd(walker(100, score=0.4), walker(500, score=0.6), walker(700, score=0.9)))
    people = [region.person for region in merged(boxes, known)]
    assert people == [1, -1, -1, 2]
    capped = merged(boxes, known, max_people=2)
    assert [region.person for region in capped] == [1, -1]
    assert middle(capped[1])[0] == pytest.approx(700)


def test_nobody_anywhere_is_no_crops() -> None:
    assert merged(Boxes.none(), []) == []


def test_each_crop_says_how_sure_the_detector_was_of_somebody_there() -> None:
    seen, missed, new = walker(100), walker(300), walker(500, score=0.7)
    people = followed(crowd(seen, missed), 1, 2)
    scores = {crop.region.person: crop.detection_score for crop in crops_of(boxes_of(crowd(seen, new)), people)}
    assert scores[2] is None
    assert scores[1] == pytest.approx(float(seen.scores[0]))
    assert scores[-1] == pytest.approx(0.7)
