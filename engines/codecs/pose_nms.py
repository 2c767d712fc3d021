"""Suppression of poses that were found twice, by object keypoint similarity."""

import numpy as np

from posestream.engines.codecs.boxes import area, greedy
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import Skeleton


def oks(a: Poses, b: Poses, skeleton: Skeleton) -> Floats:
    """Object keypoint similarity of every pose of A with every pose of B, (A, B) float32 in 0-1.

    COCO's formula, mean of exp(-d^2 / (2 s^2 k^2)) with k twice the joint's sigma, over the joints that both poses
    found (score above 0); s^2 is the mean of the areas of both boxes, as in the OKS-NMS of HRNet.
    """
    variances = (2 * skeleton.sigmas) ** 2
    squares = ((a.keypoints[:, None] - b.keypoints[None]) ** 2).sum(axis=-1)
    areas = (area(a.boxes_xyxy)[:, None] + area(b.boxes_xyxy)[None]) / 2
    likeness = np.exp(-squares / (2 * variances * np.maximum(areas, 1.0)[..., None]))
    both = (a.keypoint_scores[:, None] > 0) & (b.keypoint_scores[None] > 0)
    found: Floats = ((likeness * both).sum(axis=-1) / np.maximum(both.sum(axis=-1), 1)).astype(np.float32)
    return found


def suppress(poses: Poses, skeleton: Skeleton, threshold: float) -> Poses:
    """The best poses, best first: of two with an OKS above `threshold` the one with the lower score goes."""
    return poses.take(greedy(oks(poses, poses, skeleton), poses.scores, threshold))
