"""The crops that follow people into the next frame, and their merging with new detections."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posestream.engines.geometry import centred, crop_around
from posestream.engines.hip_crop import VIDEO_SCALES, hip_crop
from posestream.engines.plan import Region
from posestream.engines.results import Boxes, Poses
from posestream.engines.skeletons import Skeleton
from posestream.engines.spec import InputSpec
from posestream.stream.config import RegionSettings
from posestream.stream.people.assignment import assign
from posestream.stream.people.similarity import Doubles, iou
from posestream.stream.people.track import DUPLICATE, UNKNOWN

_BOX_SCALE = 1.25  # of a crop about a box of joints: the head, the hands and the next step reach beyond it
# In shoulder widths: 0.288 and 0.259 of the height of a body in Winter 2009, "Biomechanics and Motor Control of Human
# Movement", figure 4.1.
_SHOULDERS_TO_HIPS = 1.11


class Followed(NamedTuple):
    """A person to pose in the next frame: the crop, and the box and the score of the pose that it comes from."""

    region: Region
    box_xyxy: tuple[float, float, float, float]
    score: float


class CropToPose(NamedTuple):
    """A crop, and the detector's score of the person in it; None if it detected nobody there."""

    region: Region
    detection_score: float | None


def follow(
    poses: Poses,
    ids: NDArray[np.intp],
    velocities_px_s: Doubles,
    ahead_s: float,
    *,
    skeleton: Skeleton,
    spec: InputSpec,
    settings: RegionSettings,
) -> list[Followed]:
    """The crops of these people `ahead_s` later, best score first. Frame pixels.

    `poses` are the network's, not smoothed, since smoothing is late; `ids` (N,) and `velocities_px_s` (N, 2) are those
    of `Tracker`. Duplicates are left out, so that two crops that slipped onto one person become one.
    """
    followed = []
    for i in np.argsort(-poses.scores, kind="stable"):
        if ids[i] == DUPLICATE or poses.scores[i] < settings.keep_score:
            continue
        ahead_x, ahead_y = (velocities_px_s[i] * ahead_s).tolist()
        sure = poses.keypoint_scores[i] >= settings.joint_score
        region = _around_torso(poses.keypoints[i], sure, skeleton, spec) or crop_around(
            _extended_to_hips(poses.boxes_xyxy[i], poses.keypoints[i], sure, skeleton), spec, _BOX_SCALE
        )
        region = region._replace(
            x_px=region.x_px + ahead_x, y_px=region.y_px + ahead_y, person=max(int(ids[i]), UNKNOWN)
        )
        left, top, right, bottom = poses.boxes_xyxy[i].tolist()
        box = (left + ahead_x, top + ahead_y, right + ahead_x, bottom + ahead_y)
        followed.append(Followed(region, box, float(poses.scores[i])))
    return followed


def _around_torso(
    keypoints: NDArray[np.float32], sure: NDArray[np.bool_], skeleton: Skeleton, spec: InputSpec
) -> Region | None:
    """The crop about the middle of the hips; None without a sure hip and a sure shoulder."""
    hips, shoulders = (_sure_joints(name, sure, skeleton) for name in ("hip", "shoulder"))
    if not hips or not shoulders:
        return None
    (x, y), (width, height) = hip_crop(keypoints, hips, shoulders, sure, VIDEO_SCALES)
    return centred(float(x), float(y), float(width), float(height), spec)


def _extended_to_hips(
    box_xyxy: NDArray[np.float32], keypoints: NDArray[np.float32], sure: NDArray[np.bool_], skeleton: Skeleton
) -> NDArray[np.float32]:
    """The box of a pose, extended down to the hips of an upright person if both shoulders are sure.

    A person close to a webcam shows no hips. Crops of head and shoulders alone would shrink onto the head, from frame
    to frame, until the network finds nobody in them.
    """
    shoulders = keypoints[_sure_joints("shoulder", sure, skeleton)]
    if len(shoulders) < 2:
        return box_xyxy
    hips_y = shoulders[:, 1].mean() + _SHOULDERS_TO_HIPS * np.linalg.norm(shoulders[0] - shoulders[1])
    return np.concatenate([box_xyxy[:3], [max(box_xyxy[3], hips_y)]]).astype(np.float32)


def _sure_joints(name: str, sure: NDArray[np.bool_], skeleton: Skeleton) -> list[int]:
    return [i for i in skeleton.both(name) if sure[i]]


def merge(
    boxes: Boxes, followed: Sequence[Followed], *, spec: InputSpec, settings: RegionSettings, max_people: int
) -> list[CropToPose]:
    """The crops to pose in a frame with new detections, `max_people` at most.

    Followed people that were detected come first, in the crop of the detected box: networks are more exact in it than
    in the followed one, whose strength is to stay with the person. Then, by score, new people (person -1) and those
    that the detector missed, whose pose decides once more.
    """
    people_xyxy = np.array([person.box_xyxy for person in followed], np.float32).reshape(-1, 4)
    pairs = assign(iou(people_xyxy, boxes.xyxy), settings.same_iou)
    box_of, matched = dict(pairs), {column for _, column in pairs}
    ranked = []
    for row, person in enumerate(followed):
        if row in box_of:
            crop = _detected(boxes, box_of[row], spec, settings, person.region.person)
        else:
            crop = CropToPose(person.region, None)
        ranked.append((row in box_of, person.score, crop))
    for column, score in enumerate(boxes.scores.tolist()):
        if column not in matched:
            ranked.append((False, score, _detected(boxes, column, spec, settings, UNKNOWN)))
    ranked.sort(key=lambda entry: entry[:2], reverse=True)
    return [crop for _, _, crop in ranked[:max_people]]


def _detected(boxes: Boxes, which: int, spec: InputSpec, settings: RegionSettings, person: int) -> CropToPose:
    return CropToPose(region_of(boxes.xyxy[which], spec, settings, person), float(boxes.scores[which]))


def region_of(box_xyxy: ArrayLike, spec: InputSpec, settings: RegionSettings, person: int = UNKNOWN) -> Region:
    """The crop of a box: left, top, right, bottom in frame pixels; enlarged as set, else as the network was trained."""
    return crop_around(box_xyxy, spec, settings.crop_scale or spec.crop_scale, person)
