"""Suppression of poses that were found twice, by OKS and by the parametric measure of RMPE."""

from dataclasses import dataclass

import numpy as np

from engines.codecs.boxes import area, greedy
from engines.results import Floats, Poses
from engines.skeletons import Skeleton


def oks(a: Poses, b: Poses, skeleton: Skeleton) -> Floats:
    """Object keypoint similarity of every pose of A with every pose of B, (A, B) float32 in 0-1.

    COCO's formula, mean of exp(-d^2 / (2 s^2 k^2)) with k twice the joint's sigma, over the joints that both poses
    found (score above 0); s^2 is the mean of the areas of both boxes, as in the OKS-NMS of HRNet. Raises ValueError
    where the skeleton has no sigmas.
    """
    if skeleton.sigmas is None:
        raise ValueError(f"{skeleton.name} has no sigmas to compare poses with")
    variances = (2 * np.array(skeleton.sigmas)) ** 2
    squares = ((a.keypoints[:, None] - b.keypoints[None]) ** 2).sum(axis=-1)
    areas = (area(a.boxes_xyxy)[:, None] + area(b.boxes_xyxy)[None]) / 2
    likeness = np.exp(-squares / (2 * variances * np.maximum(areas, 1.0)[..., None]))
    both = (a.keypoint_scores[:, None] > 0) & (b.keypoint_scores[None] > 0)
    found: Floats = ((likeness * both).sum(axis=-1) / np.maximum(both.sum(axis=-1), 1)).astype(np.float32)
    return found


def suppress(poses: Poses, skeleton: Skeleton, threshold: float) -> Poses:
    """The best poses, best first: of two with an OKS above `threshold` the one with the lower score goes."""
    return poses.take(greedy(oks(poses, poses, skeleton), poses.scores, threshold))


@dataclass(frozen=True, slots=True)
class Parametric:
    """Parameters of the parametric pose NMS, RMPE (Fang et al. 2017, eq. 7-10); learned by its authors on COCO."""

    confidence: float = 1.0  # delta 1
    weight: float = 1.7  # mu
    distance: float = 2.65  # delta 2
    threshold: float = 22.48  # gamma
    radius: float = 0.1  # of the longer side of the picked pose's box


def suppress_parametric(poses: Poses, parameters: Parametric | None = None) -> Poses:
    """The best poses, best first, by RMPE's similarity of places and confidences; for 17 joints as published.

    The distance term is linear as in the authors' code, where the paper has a square.
    """
    p = parameters or Parametric()
    sides = poses.boxes_xyxy[:, 2:] - poses.boxes_xyxy[:, :2]
    radius = np.maximum(p.radius * sides.max(axis=1, initial=0), 1e-6)[:, None, None]
    apart = np.linalg.norm(poses.keypoints[:, None] - poses.keypoints[None], axis=-1) / radius
    sure = np.tanh(poses.keypoint_scores / p.confidence)
    soft = (np.where(apart <= 1, sure[:, None] * sure[None], 0)).sum(axis=-1)
    near = np.exp(-apart / p.distance).sum(axis=-1)
    return poses.take(greedy(soft + p.weight * near, poses.scores, p.threshold))
