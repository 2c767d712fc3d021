"""Parametric pose NMS: of poses of one person one is left, made of all of them.

Fang et al. 2017, "RMPE: Regional Multi-Person Pose Estimation", eq. 4-10. What the paper calls a distance is in its
code a similarity: what is above the threshold goes. The spatial term is linear there, where the paper has a square.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Floats, Poses

_SAME_PX, _MERGE_PX = 7.0, 15.0  # the furthest that joints count as the same one, and are merged, in AlphaPose's code
_LARGEST_WEIGHT = 1.25  # of the surest joint in a pose's published score


@dataclass(frozen=True, slots=True)
class Parametric:
    """What the authors learnt, and the rules of their code.

    Poses of which `alike` joints are the same go too, if it is not None; and those without a joint of `score`.
    """

    confidence: float  # delta 1
    weight: float  # mu
    distance: float  # delta 2
    threshold: float = 22.48  # gamma
    radius: float = 0.1  # of the longer side of the picked pose's box
    alike: int | None = None
    score: float = 0.0


RMPE_MPII = Parametric(confidence=0.01, weight=2.08, distance=2.08)
"""Learnt for MPII's 16 joints, in RMPE's release."""
ALPHAPOSE_COCO = Parametric(confidence=1.0, weight=1.7, distance=2.65, alike=5, score=0.3)
"""Learnt for COCO's 17 joints, in AlphaPose's."""


def suppress_parametric(poses: Poses, parameters: Parametric = ALPHAPOSE_COCO) -> Poses:
    """One pose a person, those with the surest joints first.

    The pose whose joints have the highest mean score is picked, joined by all that are like it, and so on. Each joint
    is the mean, weighted by score, of those of the joined poses that lie near the picked one's; so is its score. Boxes
    and `scores` are those of the picked pose.
    """
    poses = poses.take(poses.keypoint_scores.max(axis=1, initial=0) >= parameters.score)
    sides = poses.boxes_xyxy[:, 2:] - poses.boxes_xyxy[:, :2]
    radii = np.maximum(parameters.radius * sides.max(axis=1, initial=0), 1e-6)
    apart = np.linalg.norm(poses.keypoints[:, None] - poses.keypoints[None], axis=-1)  # (N, N, K), of the picked first
    like = _similarity(apart / radii[:, None, None], poses.keypoint_scores, parameters) > parameters.threshold
    if parameters.alike is not None:
        same = apart <= np.minimum(radii, _SAME_PX)[:, None, None]
        like |= same.sum(axis=-1) >= parameters.alike
    near = apart <= np.minimum(radii, _MERGE_PX)[:, None, None]
    return _merged(poses, like, near)


def published_scores(poses: Poses, box_scores: Floats) -> Floats:
    """(N,) what AlphaPose ranks people by, 0 to 3.25: a pose's mean joint + its box + 1.25 times its surest joint."""
    joints = poses.keypoint_scores
    total: Floats = joints.mean(axis=1) + box_scores + np.float32(_LARGEST_WEIGHT) * joints.max(axis=1, initial=0)
    return total


def _similarity(apart: NDArray[np.floating], scores: Floats, parameters: Parametric) -> NDArray[np.floating]:
    """(N, N) eq. 8-10 of the joints' distances (N, N, K) in radii of the first pose of each pair, and scores (N, K)."""
    sure = np.tanh(scores / parameters.confidence)
    soft = np.where(apart <= 1, sure[:, None] * sure[None], 0).sum(axis=-1)
    near = np.exp(-apart / parameters.distance).sum(axis=-1)
    total: NDArray[np.floating] = soft + parameters.weight * near
    return total


def _merged(poses: Poses, like: NDArray[np.bool_], near: NDArray[np.bool_]) -> Poses:
    """Each picked pose with those like it (N, N), joint by joint where they are near (N, N, K)."""
    kept, keypoints, scores = [], [], []
    alive = np.ones(len(poses), bool)
    for i in np.argsort(-poses.keypoint_scores.mean(axis=1), kind="stable"):
        if not alive[i]:
            continue
        group = alive & like[i]
        group[i] = True
        alive &= ~group
        weights = np.where(near[i, group], poses.keypoint_scores[group] + 1e-6, 0)  # (G, K)
        total = weights.sum(axis=0)
        kept.append(int(i))
        keypoints.append((poses.keypoints[group] * weights[..., None]).sum(axis=0) / total[:, None])
        scores.append((poses.keypoint_scores[group] * weights).sum(axis=0) / total)
    picked = poses.take(np.array(kept, np.intp))
    if not kept:
        return picked
    return Poses(
        np.stack(keypoints).astype(np.float32), np.stack(scores).astype(np.float32), picked.boxes_xyxy, picked.scores
    )
