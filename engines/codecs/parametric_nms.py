"""Parametric pose NMS: the poses of one person are merged into one.

Fang et al. 2017, "RMPE: Regional Multi-Person Pose Estimation", eq. 4-10. The paper's distance is a similarity in its
code: poses above the threshold are merged. The spatial term is linear in the code, a square in the paper.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Floats, Poses

_SAME_PX, _MERGE_PX = 7.0, 15.0  # max distances of joints that are the same, and that are merged, in AlphaPose's code
_MAX_JOINT_WEIGHT = 1.25  # of the highest joint score in a pose's published score


@dataclass(frozen=True, slots=True)
class Parametric:
    """The authors' learned parameters, and the rules of their code.

    Poses with `same_joints` joints in the same place are merged too, if it is not None; poses without a joint of score
    `score` are removed.
    """

    confidence: float  # delta 1
    weight: float  # mu
    distance: float  # delta 2
    threshold: float = 22.48  # gamma
    radius: float = 0.1  # of the longer side of the picked pose's box
    same_joints: int | None = None
    score: float = 0.0


RMPE_MPII = Parametric(confidence=0.01, weight=2.08, distance=2.08)
"""Learned for MPII's 16 joints, in RMPE's release."""
ALPHAPOSE_COCO = Parametric(confidence=1.0, weight=1.7, distance=2.65, same_joints=5, score=0.3)
"""Learned for COCO's 17 joints, in AlphaPose's release."""


def suppress_parametric(poses: Poses, parameters: Parametric = ALPHAPOSE_COCO) -> Poses:
    """One pose a person, by falling mean joint score.

    The pose with the highest mean joint score is picked and merged with all poses similar to it, and so on. Each joint
    is the mean, weighted by score, of the joints near that of the picked pose; so is its score. Boxes and `scores` are
    those of the picked pose.
    """
    poses = poses.take(poses.keypoint_scores.max(axis=1, initial=0) >= parameters.score)
    sides = poses.boxes_xyxy[:, 2:] - poses.boxes_xyxy[:, :2]
    radii = np.maximum(parameters.radius * sides.max(axis=1, initial=0), 1e-6)
    apart = np.linalg.norm(
        poses.keypoints[:, None] - poses.keypoints[None], axis=-1
    )  # (N, N, K), axis 0 the picked pose
    similar = _similarity(apart / radii[:, None, None], poses.keypoint_scores, parameters) > parameters.threshold
    if parameters.same_joints is not None:
        same = apart <= np.minimum(radii, _SAME_PX)[:, None, None]
        similar |= same.sum(axis=-1) >= parameters.same_joints
    near = apart <= np.minimum(radii, _MERGE_PX)[:, None, None]
    return _merged(poses, similar, near)


def published_scores(poses: Poses, box_scores: Floats) -> Floats:
    """(N,) AlphaPose's ranking score, 0 to 3.25: a pose's mean joint + its box + 1.25 times its highest joint score."""
    joints = poses.keypoint_scores
    total: Floats = joints.mean(axis=1) + box_scores + np.float32(_MAX_JOINT_WEIGHT) * joints.max(axis=1, initial=0)
    return total


def _similarity(apart: NDArray[np.floating], scores: Floats, parameters: Parametric) -> NDArray[np.floating]:
    """(N, N) eq. 8-10 of the joints' distances (N, N, K) in radii of the first pose of each pair, and scores (N, K)."""
    sure = np.tanh(scores / parameters.confidence)
    soft = np.where(apart <= 1, sure[:, None] * sure[None], 0).sum(axis=-1)
    near = np.exp(-apart / parameters.distance).sum(axis=-1)
    total: NDArray[np.floating] = soft + parameters.weight * near
    return total


def _merged(poses: Poses, similar: NDArray[np.bool_], near: NDArray[np.bool_]) -> Poses:
    """Each picked pose merged with those `similar` to it (N, N), over the joints that are `near` (N, N, K)."""
    kept, keypoints, scores = [], [], []
    alive = np.ones(len(poses), bool)
    for i in np.argsort(-poses.keypoint_scores.mean(axis=1), kind="stable"):
        if not alive[i]:
            continue
        group = alive & similar[i]
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
