"""What `tools.train` shows a network: annotated or drawn people, in the network's joints and input."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from posestream.engines.architectures import reduced
from posestream.engines.results import Poses
from posestream.engines.skeletons import COCO17, LSP14, MPII16, Skeleton
from posestream.engines.spec import Fit
from tools.train import TrainError, coco_scenes, network_form, samples, stick_figures
from tools.train.scenes import labels


def somebody(skeleton: Skeleton, unlabelled: Sequence[str] = ()) -> Poses:
    """One person whose joints lie at (i, 10 i)."""
    steps = np.arange(len(skeleton), dtype=np.float32)
    scores = np.array([joint not in unlabelled for joint in skeleton.joints], np.float32)
    box = np.array([[0, 0, steps[-1], 10 * steps[-1]]], np.float32)
    return Poses(np.stack([steps, 10 * steps], axis=-1)[None], scores[None], box, np.ones(1, np.float32))


def of_joint(poses: Poses, skeleton: Skeleton, joint: str) -> tuple[float, float, float]:
    i = skeleton.joints.index(joint)
    x, y = poses.keypoints[0, i]
    return float(x), float(y), float(poses.keypoint_scores[0, i])


def test_joints_keep_their_names_in_another_skeleton() -> None:
    found = labels(somebody(COCO17), COCO17, LSP14)
    for joint in ("left wrist", "right ankle"):
        i = COCO17.joints.index(joint)
        assert of_joint(found, LSP14, joint) == (i, 10 * i, 1)


@pytest.mark.parametrize(("joint", "between"), [("thorax", "shoulder"), ("pelvis", "hip")])
def test_the_middle_of_two_joints_is_labelled_where_both_are(joint: str, between: str) -> None:
    left, right = (COCO17.joints.index(f"{side} {between}") for side in ("left", "right"))
    middle = (left + right) / 2
    assert of_joint(labels(somebody(COCO17), COCO17, MPII16), MPII16, joint) == (middle, 10 * middle, 1)
    lacking = labels(somebody(COCO17, [f"left {between}"]), COCO17, MPII16)
    assert of_joint(lacking, MPII16, joint)[2] == 0


def test_a_joint_that_nobody_labelled_stays_unlabelled() -> None:
    found = labels(somebody(COCO17, ["nose"]), COCO17, MPII16)
    assert of_joint(found, MPII16, "head top")[2] == 0
    assert of_joint(labels(somebody(COCO17, ["left knee"]), COCO17, MPII16), MPII16, "left knee")[2] == 0


def annotations(folder: Path, people: Sequence[Sequence[int]], **changed: Any) -> Path:
    """An annotation file and its images: `people` are the numbers of labelled joints of those in each image."""
    content: dict[str, Any] = {
        "images": [{"id": i, "file_name": f"{i}.png"} for i in range(len(people))],
        "annotations": [
            {"image_id": i, "iscrowd": 0, "bbox": [10, 20, 30, 40], "keypoints": [5, 6, 2] * n + [0, 0, 0] * (17 - n)}
            for i, image in enumerate(people)
            for n in image
        ],
    }
    path = folder / "annotations.json"
    path.write_text(json.dumps(content | changed))
    for i in range(len(people)):
        cv2.imwrite(str(folder / f"{i}.png"), np.zeros((60, 80, 3), np.uint8))
    return path


def test_images_whose_people_are_labelled_best_come_first_while_there_is_room(tmp_path: Path) -> None:
    found = coco_scenes.read(tmp_path, annotations(tmp_path, [[9], [17, 5, 5], [12], [16]]), people=3)
    assert [scene.name for scene in found] == ["1.png"]
    found = coco_scenes.read(tmp_path, annotations(tmp_path, [[9], [17, 5, 5], [12], [16]]), people=2)
    assert [scene.name for scene in found] == ["3.png", "2.png"]


def test_people_with_hardly_a_joint_are_left_out(tmp_path: Path) -> None:
    (scene,) = coco_scenes.read(tmp_path, annotations(tmp_path, [[17, 2, 0], [1]]), people=5)
    assert len(scene.people) == 1


def test_annotations_become_joints_in_pixels_with_the_box_about_them(tmp_path: Path) -> None:
    (scene,) = coco_scenes.read(tmp_path, annotations(tmp_path, [[3]]), people=5)
    assert scene.size_hw == (60, 80)
    assert scene.people.keypoints[0, 0].tolist() == [5, 6]
    assert scene.people.keypoint_scores[0].tolist() == [1] * 3 + [0] * 14
    assert scene.people.boxes_xyxy[0].tolist() == [9.5, 19.5, 39.5, 59.5]  # edges of pixels, centres are integers


def test_annotations_may_name_other_joints_than_those_of_coco(tmp_path: Path) -> None:
    names = [*(name.replace(" ", "_") for name in COCO17.joints[:16]), "head_top"]
    (scene,) = coco_scenes.read(tmp_path, annotations(tmp_path, [[17]], categories=[{"keypoints": names}]), people=1)
    assert labels(scene.people, scene.skeleton, MPII16).keypoint_scores[0, MPII16.joints.index("head top")] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "cannot be read as JSON"),
        ("[]", "no keypoint annotations"),
        ('{"images": [], "annotations": [{"image_id": 1}]}', "no keypoint annotations"),
        ('{"images": [], "annotations": []}', "none of its images shows 1 to 5 labelled people"),
    ],
)
def test_a_file_without_keypoints_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "annotations.json"
    path.write_text(content)
    with pytest.raises(TrainError, match=message):
        coco_scenes.read(tmp_path, path, people=5)


def test_drawn_figures_are_as_many_as_asked_for_and_inside_their_image() -> None:
    scenes = stick_figures.draw(5, seed=1)
    assert [len(scene.people) for scene in scenes] == [1, 2, 1, 1]
    for scene in scenes:
        assert (scene.people.keypoints >= 0).all()
        assert (scene.people.keypoints <= np.array(scene.size_hw[::-1]) - 1).all()


def test_the_same_seed_draws_the_same_figures() -> None:
    first, again, other = (stick_figures.draw(1, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first.image, again.image)
    assert not np.array_equal(first.people.keypoints, other.people.keypoints)


def test_a_top_down_network_is_shown_one_person_a_crop() -> None:
    spec = network_form.form(network_form.published("rtmpose"), size_hw=(128, 96))
    shown = samples.make(spec, stick_figures.draw(3, seed=0))
    assert [len(sample.people) for sample in shown] == [1, 1, 1]
    assert all(sample.pixels.shape == (3, 128, 96) for sample in shown)


def test_a_bottom_up_network_is_shown_whole_images() -> None:
    spec = network_form.form(network_form.published("openpose"), size_hw=(128, 160))
    assert spec.input.fit is Fit.LETTERBOX
    shown = samples.make(spec, stick_figures.draw(3, seed=0))
    assert [len(sample.people) for sample in shown] == [1, 2]
    assert all(sample.pixels.shape == (3, 128, 160) for sample in shown)


def test_targets_are_where_the_people_are_in_the_input() -> None:
    spec = network_form.form(network_form.published("rtmpose"), size_hw=(128, 96))
    (sample,) = samples.make(spec, stick_figures.draw(1, seed=0))
    x, y, _ = sample.targets
    scale = sample.region.height_px / 128
    wanted = (sample.people.keypoints[0] - (sample.region.x_px, sample.region.y_px)) / scale
    found = np.stack([x.argmax(axis=1), y.argmax(axis=1)], axis=-1) / 2
    assert np.abs(found - wanted).max() < 1


def test_the_input_shows_what_the_joints_are_on() -> None:
    spec = network_form.form(network_form.published("rtmpose"), size_hw=(128, 96))
    scene = stick_figures.draw(1, seed=0)[0]
    scene.image[:] = 0
    x, y = scene.people.keypoints[0, COCO17.joints.index("left wrist")]
    cv2.circle(scene.image, (round(float(x)), round(float(y))), 4, (255, 255, 255), -1)
    (sample,) = samples.make(spec, [scene])
    row, column = np.unravel_index(cv2.blur(sample.pixels[0], (5, 5)).argmax(), (128, 96))
    wrist = (np.array([x, y]) - (sample.region.x_px, sample.region.y_px)) * 128 / sample.region.height_px
    assert np.abs(wrist - (column, row)).max() <= 2


def test_a_form_takes_its_output_shapes_from_the_network() -> None:
    spec = network_form.form(network_form.published("openpose"), size_hw=(64, 96))
    assert [output.shape for output in spec.outputs] == [(None, 19, 8, 12), (None, 38, 8, 12)]
    spec = network_form.form(network_form.published("rtmpose"), reduced("rtmpose"), (64, 32), "mpii16")
    assert [output.shape for output in spec.outputs] == [(None, 16, 64), (None, 16, 128)]


def test_an_input_that_follows_the_frame_becomes_a_square_of_its_published_side() -> None:
    assert network_form.form(network_form.published("openpose")).input.size_hw == (368, 368)


@pytest.mark.parametrize(("options", "model"), [({}, "rtmpose-t"), ({"hidden": 64}, "")])
def test_weights_of_the_published_form_alone_run_as_its_model(options: dict[str, int], model: str) -> None:
    spec = network_form.form(network_form.published("rtmpose"), options)
    assert network_form.published_as(spec, network_form.network_of(spec)) == model


def test_an_unknown_skeleton_is_refused() -> None:
    with pytest.raises(TrainError, match="unknown skeleton 'coco'"):
        network_form.published("rtmpose", "t", "coco")


@pytest.mark.parametrize(
    ("architecture", "problem"),
    [
        ("higherhrnet", "tags: the skeleton must be coco17, not mpii16"),
        ("openpose", "paf: 17 heat maps, not 19: openpose18 and the background"),
        ("deepercut", "multicut: no pairwise table for mpii16"),
    ],
)
def test_a_skeleton_whose_people_the_codec_cannot_put_together_is_refused(architecture: str, problem: str) -> None:
    """It ended in the traceback of an array's shape, in the middle of the training."""
    spec = network_form.form(network_form.published(architecture), reduced(architecture), (64, 64), "mpii16")
    with pytest.raises(TrainError, match=problem):
        samples.make(spec, stick_figures.draw(1, seed=0))
