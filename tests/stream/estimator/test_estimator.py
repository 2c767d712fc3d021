"""People in pictures that a program has."""

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.skeletons import COCO17
from posestream.stream.errors import ConfigError
from posestream.stream.estimator.estimator import PoseEstimator

Image = NDArray[np.uint8]
PX = 1.0  # runtimes share images out among threads differently for other sizes of batch


@pytest.fixture(scope="module")
def estimator(two_people: Image) -> Iterator[PoseEstimator]:
    with PoseEstimator("movenet-lightning", device="cpu") as estimator:
        yield estimator


def test_finds_and_poses_everybody_best_first(estimator: PoseEstimator, two_people: Image) -> None:
    poses = estimator(two_people)
    sure = poses[poses.person_scores > 0.3]
    assert len(sure) == 2
    assert sure.person_scores[0] >= sure.person_scores[1]
    assert (poses.ids == -1).all()
    assert poses.skeleton is estimator.skeleton is COCO17
    noses = sure.joint("nose")
    assert ((noses[:, :2] > 0) & (noses[:, :2] < (640, 480))).all()
    for pose in sure:  # heads are above hips, and in the box
        assert pose.joint("nose")[0, 1] < pose.joint("left hip")[0, 1]


def test_nobody_in_an_empty_picture(estimator: PoseEstimator) -> None:
    poses = estimator(np.full((240, 320, 3), 128, np.uint8))
    assert (len(poses), poses.xy.shape) == (0, (0, 17, 2))


def test_the_image_is_only_read(estimator: PoseEstimator, two_people: Image) -> None:
    image = two_people.copy()
    image.flags.writeable = False
    estimator(image)
    assert (image == two_people).all()


def test_an_image_that_is_a_view_gives_what_its_copy_gives(estimator: PoseEstimator, two_people: Image) -> None:
    mirrored = two_people[:, ::-1]
    assert np.allclose(estimator(mirrored).xy, estimator(mirrored.copy()).xy)


def test_several_images_of_any_sizes_share_batches(estimator: PoseEstimator, two_people: Image) -> None:
    larger = np.asarray(cv2.resize(two_people, (960, 720)), np.uint8)
    images = [two_people, np.full((100, 50, 3), 128, np.uint8), larger, two_people]
    together = estimator(images)
    assert [len(poses) for poses in together] == [len(estimator(image)) for image in images]
    assert np.abs(together[0].xy - together[3].xy).max() <= PX
    sure = together[0].scores > 0.4
    assert np.abs(together[2].xy / 1.5 - together[0].xy)[sure].max() < 10
    assert estimator([]) == []


def test_more_images_than_a_batch_holds(estimator: PoseEstimator, two_people: Image) -> None:
    alone = estimator(two_people)
    for poses in estimator([two_people] * 19):
        assert np.abs(poses.xy - alone.xy).max() <= PX


def test_with_boxes_there_is_a_pose_for_each_in_their_order(estimator: PoseEstimator, two_people: Image) -> None:
    found = estimator(two_people)[:2]
    nowhere = [500, 400, 520, 460]
    boxes = [*found.boxes[::-1].tolist(), nowhere]
    poses = estimator(two_people, boxes=boxes)
    assert len(poses) == 3
    for pose, other in zip(poses, found[::-1], strict=False):
        assert np.abs(pose.joint("nose")[0, :2] - other.joint("nose")[0, :2]).max() < 15
    assert poses.person_scores[2] < poses.person_scores[:2].min()


@pytest.mark.parametrize("boxes", [[], np.zeros((0, 4))], ids=["list", "array"])
def test_no_boxes_are_nobody(estimator: PoseEstimator, two_people: Image, boxes: Any) -> None:
    assert len(estimator(two_people, boxes=boxes)) == 0


def test_whole_poses_the_one_person_that_a_picture_shows(estimator: PoseEstimator, two_people: Image) -> None:
    (person,) = estimator(two_people)[:1]
    left, top, right, bottom = person.boxes[0].round().astype(int)
    cut = two_people[max(top - 60, 0) : bottom + 60, max(left - 60, 0) : right + 60]
    (pose,) = estimator(cut, boxes="whole")
    sure = person.scores[0] > 0.5
    moved = pose.xy[0] + (max(left - 60, 0), max(top - 60, 0))
    assert np.median(np.abs(moved - person.xy[0])[sure]) < 10


def test_boxes_may_be_given_for_some_images_only(estimator: PoseEstimator, two_people: Image) -> None:
    found, given, whole = estimator([two_people] * 3, boxes=[None, [[0, 0, 300, 400]], "whole"])
    assert len(found) == len(estimator(two_people))
    assert (len(given), len(whole)) == (1, 1)


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        (None, "got None instead of an image: cv2.imread gives that"),
        (np.zeros((240, 320), np.uint8), r"expected an image \(H, W, 3\) uint8 BGR, got \(240, 320\) uint8"),
        (np.zeros((240, 320, 4), np.uint8), r"got \(240, 320, 4\)"),
        (np.zeros((240, 320, 3), np.float32), "got .* float32"),
        (np.zeros((0, 320, 3), np.uint8), "an image of 320x0 has no pixels"),
        ([[1, 2], [3, 4]], "got list"),
    ],
    ids=["none", "grey", "four channels", "float", "empty", "lists"],
)
def test_what_is_no_image_is_refused_in_a_line(estimator: PoseEstimator, image: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        estimator(image)


@pytest.mark.parametrize(
    ("boxes", "complaint"),
    [
        ([1, 2, 3, 4], r"expected boxes \(N, 4\)"),
        ([[1, 2, 3]], r"expected boxes \(N, 4\)"),
        ([[0, 0, float("nan"), 5]], "of finite numbers"),
        ([[50, 0, 10, 90]], "right and bottom cannot be less"),
        ("all", "or \"whole\", not 'all'"),
    ],
    ids=["one row", "three", "nan", "turned round", "text"],
)
def test_what_are_no_boxes_is_refused_in_a_line(
    estimator: PoseEstimator, two_people: Image, boxes: Any, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        estimator(two_people, boxes=boxes)


def test_boxes_for_another_number_of_images_are_refused(estimator: PoseEstimator, two_people: Image) -> None:
    with pytest.raises(ValueError, match="2 images and boxes for 1"):
        estimator([two_people, two_people], boxes=[None])


def test_a_model_that_sees_everybody_at_once_needs_no_detector_and_takes_no_boxes(two_people: Image) -> None:
    with PoseEstimator("movenet-multipose") as estimator:
        poses = estimator(two_people)
        assert (poses.person_scores > 0.3).sum() == 2
        with pytest.raises(ValueError, match="movenet-multipose sees everybody at once: it takes no boxes"):
            estimator(two_people, boxes=[[0, 0, 10, 10]])


def test_the_flip_test_and_the_refinement_are_keywords(estimator: PoseEstimator, two_people: Image) -> None:
    plain = estimator(two_people)
    with PoseEstimator("movenet-lightning", flip=True, refine=True) as finer:
        finer_poses = finer(two_people)
    assert len(finer_poses) >= 2
    assert np.abs(finer_poses.xy[:2] - plain.xy[:2]).max() > 0.1


def test_any_other_setting_goes_by_its_place_in_the_settings(two_people: Image) -> None:
    with PoseEstimator(settings={"run.max_people": 1}) as estimator:
        assert len(estimator(two_people)) == 1


@pytest.mark.parametrize(
    ("keywords", "complaint"),
    [
        ({"modle": "x"}, "unknown keyword modle; did you mean model"),
        ({"precision": "fp8"}, "settings: run.precision = 'fp8': expected fp32 or fp16 or int8"),
        ({"settings": {"smooth.betta": 1}}, "settings: unknown key smooth.betta; did you mean beta"),
        ({"settings": {"betta": 1}}, r"settings: unknown section \[betta\]"),
        ({"model": "movenet-thonder"}, "did you mean 'movenet-thunder'"),
    ],
    ids=["keyword", "value", "key", "section", "model"],
)
def test_a_wrong_setting_is_named(keywords: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        PoseEstimator(**keywords)


def test_settings_lying_about_are_not_taken(two_people: Image, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("posestream.toml", "config.toml"):
        (tmp_path / name).write_text("[other]\nprogram = true\n")
    with PoseEstimator() as estimator:
        assert "openvino" in repr(estimator).lower()


def test_after_its_end_it_says_that_it_is_closed(two_people: Image) -> None:
    with PoseEstimator() as estimator:
        pass
    assert repr(estimator) == "PoseEstimator(closed)"
    with pytest.raises(ValueError, match="this PoseEstimator is closed"):
        estimator(two_people)


def test_its_arrays_are_the_callers_own(estimator: PoseEstimator, two_people: Image) -> None:
    def arrays(poses: Sequence[Any]) -> list[NDArray[Any]]:
        return [poses.xy, poses.scores, poses.boxes, poses.person_scores, poses.ids]  # type: ignore[attr-defined]

    first = estimator(two_people, boxes=[[0, 0, 300, 400]])
    kept = [array.copy() for array in arrays(first)]  # type: ignore[arg-type]
    estimator(np.full((480, 640, 3), 128, np.uint8), boxes=[[0, 0, 300, 400]])
    for array, before in zip(arrays(first), kept, strict=True):  # type: ignore[arg-type]
        assert (array == before).all()
        assert array.flags.writeable
