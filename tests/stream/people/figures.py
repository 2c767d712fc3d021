"""Walking stick figures as poses, in COCO-17 or any other skeleton."""

import math

import numpy as np

from posestream.engines.results import Poses
from posestream.engines.skeletons import COCO17, Skeleton
from posestream.stream.config import TrackSettings

SETTINGS = TrackSettings(
    start_score=0.3, sure_score=0.5, confirm_frames=3, lost_s=1.0, min_likeness=0.2, duplicate_likeness=0.6
)


def walker(
    x_px: float, y_px: float = 300.0, height_px: float = 150.0, stride: float = 0.0, score: float = 0.8
) -> Poses:
    """One person with the hips at x, y; `stride` is the phase of the gait in radians."""
    swing = 0.12 * math.sin(stride)
    joints = np.array(
        [
            *((0.00, -0.42), (0.02, -0.44), (-0.02, -0.44), (0.05, -0.43), (-0.05, -0.43)),
            *((0.11, -0.30), (-0.11, -0.30), (0.13 - swing, -0.14), (-0.13 + swing, -0.14)),
            *((0.13 - 2 * swing, 0.01), (-0.13 + 2 * swing, 0.01), (0.07, 0.0), (-0.07, 0.0)),
            *((0.07 + swing, 0.23), (-0.07 - swing, 0.23), (0.07 + 2 * swing, 0.46), (-0.07 - 2 * swing, 0.46)),
        ]
    )
    keypoints = (joints * height_px + (x_px, y_px)).astype(np.float32)[None]
    box = np.concatenate([keypoints.min(axis=1), keypoints.max(axis=1)], axis=1)
    return Poses(keypoints, np.full((1, 17), score, np.float32), box, np.full(1, score, np.float32))


def walker_in(skeleton: Skeleton, x_px: float, y_px: float, **looks: float) -> Poses:
    """The same with the joints of `skeleton`; those that COCO lacks are placed by anatomy."""
    coco = walker(x_px, y_px, **looks)
    places = dict(zip(COCO17.joints, coco.keypoints[0], strict=True))
    middle = {part: coco.keypoints[0, COCO17.both(part)].mean(axis=0) for part in ("shoulder", "hip")}
    head = places["nose"] + 0.3 * (places["nose"] - middle["shoulder"])
    neck = (places["nose"] + middle["shoulder"]) / 2
    places |= {"pelvis": middle["hip"], "thorax": middle["shoulder"], "neck": middle["shoulder"]}
    places |= {"upper neck": neck, "head": head, "head top": head}
    keypoints = np.array([places[joint] for joint in skeleton.joints], np.float32)[None]
    scores = np.full(keypoints.shape[:2], coco.keypoint_scores[0, 0], np.float32)
    return Poses(keypoints, scores, coco.boxes_xyxy, coco.scores)


def crowd(*people: Poses) -> Poses:
    """All of them in one frame, in this order."""
    if not people:
        return Poses.none(17)
    return Poses(
        np.concatenate([p.keypoints for p in people]),
        np.concatenate([p.keypoint_scores for p in people]),
        np.concatenate([p.boxes_xyxy for p in people]),
        np.concatenate([p.scores for p in people]),
    )


def moved(poses: Poses, by_px: tuple[float, float], scale: float = 1.0) -> Poses:
    """The same picture elsewhere, `scale` times as large."""
    by = np.array(by_px, np.float32)
    keypoints, boxes = poses.keypoints * np.float32(scale) + by, poses.boxes_xyxy * np.float32(scale) + np.tile(by, 2)
    return Poses(keypoints, poses.keypoint_scores, boxes, poses.scores)
