"""Pose NMS: suppression of duplicate poses by OKS."""

from collections.abc import Sequence

import numpy as np

from posestream.engines.codecs.boxes import area, greedy
from posestream.engines.oks import keypoint_similarity
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import Skeleton


def pose_oks(a: Poses, b: Poses, skeleton: Skeleton) -> Floats:
    """OKS of every pose of A with every pose of B, (A, B) float32 in 0-1, as in the OKS-NMS of HRNet.

    The joints are those found in both poses (score above 0), the area is the mean area of both boxes.
    """
    offsets = a.keypoints[:, None] - b.keypoints[None]
    found_in_both = (a.keypoint_scores[:, None] > 0) & (b.keypoint_scores[None] > 0)
    areas = (area(a.boxes_xyxy)[:, None] + area(b.boxes_xyxy)[None]) / 2
    return keypoint_similarity(offsets, found_in_both, np.maximum(areas, 1.0), skeleton.sigmas).astype(np.float32)


def suppress(poses: Poses, skeleton: Skeleton, threshold: float) -> Poses:
    """Greedy NMS, best first: of two poses with an OKS above `threshold` the one with the lower score goes."""
    return poses.take(greedy(pose_oks(poses, poses, skeleton), poses.scores, threshold))


def join_regions(by_region: Sequence[Poses], skeleton: Skeleton, threshold: float) -> Poses:
    """The people of all regions, best first; NMS removes those found in several regions."""
    poses = Poses.joined([Poses.none(len(skeleton)), *by_region])
    poses = poses.take(np.argsort(-poses.scores, kind="stable"))
    return suppress(poses, skeleton, threshold) if len(by_region) > 1 else poses
