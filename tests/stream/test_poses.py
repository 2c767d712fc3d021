"""People as arrays."""

from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from posestream.engines.exceptions import MissingExtraError
from posestream.engines.skeletons import COCO17, MPII16
from posestream.stream.poses import Frame, Poses
from posestream.stream.published import Person
from tests.stream.publisher import person, pose

TWO = [person(100, 80), person(200, 60, id=None, score=0.4)]


def test_people_become_arrays() -> None:
    poses = Poses.of(TWO, COCO17)
    assert (poses.xy.shape, poses.scores.shape, poses.boxes.shape) == ((2, 17, 2), (2, 17), (2, 4))
    assert all(array.dtype == np.float32 for array in (poses.xy, poses.scores, poses.boxes, poses.person_scores))
    assert poses.ids.tolist() == [1, -1]
    assert poses.person_scores.tolist() == pytest.approx([0.9, 0.4])
    assert poses.xy[1, 0].tolist() == [200, 60]
    assert poses.boxes[0].tolist() == pytest.approx(TWO[0].box_xyxy)


def test_arrays_become_the_same_people_again() -> None:
    again = Poses.of(TWO, COCO17).people()
    assert [(each.id, each.skeleton) for each in again] == [(1, "coco17"), (None, "coco17")]
    for one, other in zip(again, TWO, strict=True):
        assert np.allclose(one.keypoints, other.keypoints)
        assert one.box_xyxy == pytest.approx(other.box_xyxy)
        msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=Person)


def test_nobody_is_empty_arrays_with_the_joints_of_the_skeleton() -> None:
    nobody = Poses.of([], MPII16)
    assert (len(nobody), nobody.xy.shape, nobody.boxes.shape) == (0, (0, 16, 2), (0, 4))
    assert list(nobody) == []


@pytest.mark.parametrize(
    "which",
    [1, -1, np.int64(1), [1], slice(1, 2), np.array([False, True]), np.array([1])],
    ids=["index", "from the end", "numpy index", "list", "slice", "mask", "indices"],
)
def test_some_of_the_people_are_poses_too(which: Any) -> None:
    some = Poses.of(TWO, COCO17)[which]
    assert isinstance(some, Poses)
    assert (len(some), some.ids.tolist(), some.skeleton) == (1, [-1], COCO17)


def test_an_empty_list_of_indices_is_nobody() -> None:
    assert len(Poses.of(TWO, COCO17)[[]]) == 0


def test_iterating_gives_one_person_after_the_other() -> None:
    assert [each.ids.tolist() for each in Poses.of(TWO, COCO17)] == [[1], [-1]]


def test_a_joint_is_found_by_its_name() -> None:
    poses = Poses.of(TWO, COCO17)
    assert poses.joint("left wrist")[:, :2].tolist() == poses.xy[:, 9].tolist()
    assert poses.joint("left wrist")[:, 2].tolist() == poses.scores[:, 9].tolist()
    with pytest.raises(KeyError, match="coco17 has no joint 'left toe'; it has nose, left eye"):
        poses.joint("left toe")


@pytest.mark.parametrize("name", ["xy", "scores", "boxes", "person_scores", "ids"])
def test_arrays_that_do_not_belong_together_are_refused(name: str) -> None:
    poses = Poses.of(TWO, COCO17)
    arrays = {each: getattr(poses, each) for each in ("xy", "scores", "boxes", "person_scores", "ids")}
    arrays[name] = arrays[name][..., None]
    with pytest.raises(ValueError, match=rf"Poses\.{name}: expected shape"):
        Poses(**arrays, skeleton=COCO17)


def test_draw_draws_into_the_image_and_returns_it() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    assert Poses.of(TWO, COCO17).draw(image) is image
    wrist_x, wrist_y = Poses.of(TWO, COCO17).joint("left wrist")[0, :2].round().astype(int)
    assert image[wrist_y, wrist_x].tolist() == [255, 255, 255]


def test_draw_leaves_out_joints_that_are_guesses() -> None:
    blank = np.zeros((240, 320, 3), np.uint8)
    guessed = msgspec.structs.replace(TWO[1], keypoints=[(x, y, 0.1) for x, y, _ in TWO[1].keypoints])
    assert not Poses.of([guessed], COCO17).draw(blank.copy()).any()
    assert Poses.of([guessed], COCO17).draw(blank.copy(), min_score=0.05).any()


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        (np.zeros((240, 320), np.uint8), r"\(H, W, 3\) uint8 BGR, got \(240, 320\) uint8"),
        (np.zeros((240, 320, 3), np.float32), "got .* float32"),
        (np.zeros((240, 320, 3), np.uint8)[:, ::-1], "draw into image.copy"),
    ],
    ids=["grey", "float", "view"],
)
def test_draw_refuses_what_it_could_not_draw_into(image: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Poses.of(TWO, COCO17).draw(image)


def test_draw_refuses_an_image_that_is_read_only() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    image.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        Poses.of(TWO, COCO17).draw(image)


def test_supervision_draws_the_same_people() -> None:
    supervision = pytest.importorskip("supervision", reason="supervision is not installed")
    poses = Poses.of(TWO, COCO17)
    keypoints: Any = poses.to_supervision()
    assert keypoints.xy.tolist() == poses.xy.tolist()
    assert keypoints.keypoint_confidence.tolist() == poses.scores.tolist()
    assert keypoints[keypoints.detection_confidence > 0.5].data["ids"].tolist() == [1]
    scene = supervision.VertexAnnotator(radius=3).annotate(np.zeros((240, 320, 3), np.uint8), keypoints)
    assert cv2.countNonZero(scene[..., 1]) > 0


def test_without_supervision_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "supervision", None)
    with pytest.raises(MissingExtraError, match=r"pip install posestream\[supervision\]"):
        Poses.of(TWO, COCO17).to_supervision()


def test_a_frame_has_the_facts_of_its_message() -> None:
    message = pose("door", seq=7, people=TWO, source_ns=1_500_000_000, drops={"replaced": 2})
    frame = Frame.of(message)
    assert (frame.camera, frame.seq, frame.width, frame.height) == ("door", 7, 320, 240)
    assert frame.time == pytest.approx(message.capture_unix_ns / 1e9)
    assert frame.source_time == 1.5
    assert frame.drops == {"replaced": 2}
    assert (len(frame.poses), frame.raw) == (2, message)


def test_a_frame_of_a_stream_without_timestamps_has_none() -> None:
    assert Frame.of(pose(source_ns=None)).source_time is None


def test_people_of_a_skeleton_that_is_not_known_have_numbered_joints() -> None:
    later = person(skeleton="later3", keypoints=[(1.0, 2.0, 0.5)] * 3)
    frame = Frame.of(pose(people=[later]))
    assert frame.poses.skeleton.joints == ("joint 0", "joint 1", "joint 2")
    assert frame.poses.xy.shape == (1, 3, 2)
