"""People drawn with a ruler: COCO-17 figures that walk."""

import math

import numpy as np

from engines.results import Poses
from stream.people.track import TrackSettings

SETTINGS = TrackSettings(
    start_score=0.3, sure_score=0.5, confirm_frames=3, lost_s=1.0, min_likeness=0.2, duplicate_likeness=0.6
)


def walker(
    x_px: float, y_px: float = 300.0, height_px: float = 150.0, stride: float = 0.0, score: float = 0.8
) -> Poses:
    """One person whose hips are at x, y; `stride`, in radians, is the place in the cycle of the gait."""
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
