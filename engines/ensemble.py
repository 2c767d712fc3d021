"""Test-time augmentation and pose NMS: one pose a person from mirrored crops, other sizes and a refinement pass.

All functions take top-down `Poses`: pose i is that of person i.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs import pose_nms
from posestream.engines.codecs.boxes import area
from posestream.engines.codecs.codec import Codec, MirrorMean, ScaleMean
from posestream.engines.codecs.parametric_nms import ALPHAPOSE_COCO, RMPE_MPII, Parametric, suppress_parametric
from posestream.engines.geometry import at_scale, centred
from posestream.engines.hip_crop import IMAGE_SCALES, hip_crop
from posestream.engines.plan import Nms, Plan, Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import SKELETONS, Skeleton
from posestream.engines.spec import InputSpec

PARAMETRIC: Mapping[str, Parametric] = {"coco17": ALPHAPOSE_COCO, "mpii16": RMPE_MPII}
"""The parameters learned by RMPE's authors, by skeleton."""

_SURE = 0.2  # score of joints that place a refinement crop; MoveNet's own crop rule takes the same
_AGREE = 3.0  # distance at which views agree on a joint, in standard deviations of the joint in COCO

Views = list[NDArray[Any]]
"""Network outputs, each (scales, flips, people, ...); a reduced axis has length 1."""


def refine_regions(poses: Poses, skeleton: Skeleton, spec: InputSpec, regions: Sequence[Region]) -> list[Region]:
    """The crops of the refinement pass: about the hips of each pose, or the old region if no torso was found.

    `regions` are the crops of the first pass, in the order of `poses`; each crop keeps its person's identity.
    """
    return [
        _about_hips(keypoints, scores >= _SURE, skeleton, spec, region)
        for keypoints, scores, region in zip(poses.keypoints, poses.keypoint_scores, regions, strict=True)
    ]


def _about_hips(
    keypoints: Floats, sure: NDArray[np.bool_], skeleton: Skeleton, spec: InputSpec, region: Region
) -> Region:
    shoulders, hips = skeleton.both("shoulder"), skeleton.both("hip")
    if not (sure[hips].any() and sure[shoulders].any()):
        return region
    (x, y), sides = hip_crop(keypoints, hips, shoulders, sure, IMAGE_SCALES)
    side = float(sides.max())
    return centred(float(x), float(y), side, side, spec, region.person)


def fuse(*views: Poses, skeleton: Skeleton) -> Poses:
    """The mean pose of each person over V views, joint by joint.

    A joint is the mean, weighted by score, of the views that agree with the view of the highest score; its score is the
    sum of their scores over V, which lowers the score of joints on which views differ. Boxes are those of the first
    view; `scores` are the means of the joints' scores.
    """
    points = np.stack([view.keypoints for view in views])  # (V, N, K, 2)
    scores = np.stack([view.keypoint_scores for view in views])  # (V, N, K)
    best = scores.argmax(axis=0)
    anchor = np.take_along_axis(points, best[None, ..., None], axis=0)
    deviations = 2 * skeleton.sigmas.astype(np.float32)
    size_px = np.sqrt(np.maximum(area(views[0].boxes_xyxy), 1.0))
    agrees = np.linalg.norm(points - anchor, axis=-1) <= _AGREE * deviations * size_px[:, None]
    weights = np.where(agrees, scores + 1e-6, 0).astype(np.float32)  # 1e-6: all scores of a joint may be 0
    keypoints = (points * weights[..., None]).sum(axis=0) / weights.sum(axis=0)[..., None]
    keypoint_scores = np.where(agrees, scores, 0).sum(axis=0) / len(views)
    return Poses(
        keypoints.astype(np.float32),
        keypoint_scores.astype(np.float32),
        views[0].boxes_xyxy,
        keypoint_scores.mean(axis=1).astype(np.float32),
    )


def pose_each(
    plan: Plan,
    codec: Codec,
    outputs: Sequence[NDArray[Any]],
    regions: Sequence[Region],
    size_hw: tuple[int, int],
) -> Poses:
    """One pose a person from the network outputs of all views of P people, `Plan.views_per_person` = S * F each.

    `outputs`, each (S * F * P, ...), and `regions` (S * F * P) are in the order of `geometry.views_of`: S scales of F
    flips of P people. The flips are reduced first, then the scales, by the mean of network outputs if the codec has
    one, as most authors do; the poses of the views that are left are fused.
    """
    scales, flips = len(plan.scales), 2 if plan.flip else 1
    people = len(regions) // (scales * flips)
    views = [output.reshape(scales, flips, people, *output.shape[1:]) for output in outputs]
    index = np.arange(len(regions)).reshape(scales, flips, people)
    shown = list(regions)
    if flips > 1 and isinstance(codec, MirrorMean):
        views, index = _flip_mean(codec, views), index[:, :1]
    if scales > 1 and isinstance(codec, ScaleMean):
        views, index = _scale_mean(codec, views, plan.scales, size_hw), index[:1]
        shown = [at_scale(region, 1 / plan.scales[0]) for region in regions]
    poses = codec.decode([_flat(view) for view in views], [shown[i] for i in index.ravel()], size_hw)
    assert isinstance(poses, Poses)
    each = [poses.take(np.arange(people) + i * people) for i in range(index.shape[0] * index.shape[1])]
    return each[0] if len(each) == 1 else fuse(*each, skeleton=SKELETONS[plan.pose.skeleton or ""])


def _flip_mean(codec: MirrorMean, views: Views) -> Views:
    """(S, 2, P, ...) -> (S, 1, P, ...)."""
    means = codec.flip_mean([_flat(view.swapaxes(0, 1)) for view in views])
    return [mean.reshape(views[0].shape[0], 1, -1, *mean.shape[1:]) for mean in means]


def _scale_mean(codec: ScaleMean, views: Views, scales: Sequence[float], size_hw: tuple[int, int]) -> Views:
    """(S, F, P, ...) -> (1, F, P, ...)."""
    by_scale = [[_flat(view[i : i + 1]) for view in views] for i in range(len(scales))]
    means = codec.scale_mean(by_scale, scales, size_hw)
    return [mean.reshape(1, views[0].shape[1], -1, *mean.shape[1:]) for mean in means]


def _flat(view: NDArray[Any]) -> NDArray[Any]:
    """(S, F, P, ...) -> (S * F * P, ...)."""
    return view.reshape(-1, *view.shape[3:])


def suppress(poses: Poses, skeleton: Skeleton, nms: Nms, oks: float) -> Poses:
    """Pose NMS, best first: of two poses with an OKS above `oks` the one with the lower score goes.

    "parametric" is RMPE's pose NMS, which has a similarity of its own. Raises KeyError where `PARAMETRIC` lacks the
    skeleton.
    """
    if nms == "parametric":
        return suppress_parametric(poses, PARAMETRIC[skeleton.name])
    return pose_nms.suppress(poses, skeleton, oks)
