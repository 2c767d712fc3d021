"""One pose a person from several looks: mirrored crops, other sizes, a second pass about the torso, pose NMS.

A look is a `Poses` whose i-th pose is the i-th person's; `suppress` alone takes people found twice.
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
from posestream.engines.plan import Nms, Plan, Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import SKELETONS, Skeleton
from posestream.engines.spec import InputSpec

PARAMETRIC: Mapping[str, Parametric] = {"coco17": ALPHAPOSE_COCO, "mpii16": RMPE_MPII}
"""The parameters that RMPE's authors learnt, by skeleton."""

_SURE = 0.2  # joints with this score say where a person is; MoveNet's own crop rule takes the same
_AGREE = 3.0  # looks agree on a joint within so many of its standard deviations in COCO

# Half the side of a closer look: the torso's reach from the hips or the whole body's, so many times, the larger counts.
# The rule is MoveNet's; its own factors, 1.9 and 1.2, have room for motion, which costs 0.01 to 0.02 AP on stills.
_TORSO_REACH, _BODY_REACH = 1.6, 1.1


def refine_regions(poses: Poses, skeleton: Skeleton, spec: InputSpec, regions: Sequence[Region]) -> list[Region]:
    """A region about the hips of each pose, for a closer look; that of `regions` where no torso was found.

    `regions` are those that the poses were found in, in the same order; the identity of each is kept.
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
    x, y = (float(c) for c in keypoints[hips].mean(axis=0))
    away = np.abs(keypoints - (x, y)).max(axis=1)
    side = 2 * float(max(_TORSO_REACH * away[shoulders + hips].max(), _BODY_REACH * away[sure].max()))
    return centred(x, y, side, side, spec, region.person)


def fuse(*looks: Poses, skeleton: Skeleton) -> Poses:
    """The same people from several looks, joint by joint.

    A joint is the mean, weighted by score, of the looks that agree with the most certain one; its score is the sum of
    theirs over the number of looks, so that a joint on which looks differ loses. Boxes are those of the first look;
    `scores` are the means of the joints' scores.
    """
    points = np.stack([look.keypoints for look in looks])  # (L, N, K, 2)
    scores = np.stack([look.keypoint_scores for look in looks])  # (L, N, K)
    best = scores.argmax(axis=0)
    anchor = np.take_along_axis(points, best[None, ..., None], axis=0)
    deviations = 2 * skeleton.falloffs.astype(np.float32)
    size_px = np.sqrt(np.maximum(area(looks[0].boxes_xyxy), 1.0))
    near = np.linalg.norm(points - anchor, axis=-1) <= _AGREE * deviations * size_px[:, None]
    weights = np.where(near, scores + 1e-6, 0).astype(np.float32)  # 1e-6: where no look is certain of anything
    keypoints = (points * weights[..., None]).sum(axis=0) / weights.sum(axis=0)[..., None]
    keypoint_scores = np.where(near, scores, 0).sum(axis=0) / len(looks)
    return Poses(
        keypoints.astype(np.float32),
        keypoint_scores.astype(np.float32),
        looks[0].boxes_xyxy,
        keypoint_scores.mean(axis=1).astype(np.float32),
    )


def pose_each(
    plan: Plan,
    codec: Codec,
    outputs: Sequence[NDArray[Any]],
    regions: Sequence[Region],
    size_hw: tuple[int, int],
) -> Poses:
    """One pose a person: `outputs` of what `geometry.looks_at` gave of each, `regions`, in the same order.

    Where the codec can take the mean of the outputs themselves, as the authors of most networks do, of them; else of
    the poses that are in the looks.
    """
    skeleton = SKELETONS[plan.pose.skeleton or ""]
    people = len(regions) // plan.looks
    looks = []  # at each scale
    for i in range(len(plan.scales)):
        these = slice(i * len(regions) // len(plan.scales), (i + 1) * len(regions) // len(plan.scales))
        looks.append(([output[these] for output in outputs], regions[these]))
    if plan.flip and isinstance(codec, MirrorMean):
        looks = [(codec.flip_mean(of_both), both[:people]) for of_both, both in looks]
    if len(looks) > 1 and isinstance(codec, ScaleMean):
        mean = codec.scale_mean([outputs for outputs, _ in looks], plan.scales, size_hw)
        looks = [(mean, [at_scale(region, 1 / plan.scales[0]) for region in looks[0][1]])]
    found = []
    for some, where in looks:
        poses = codec.decode(some, where, size_hw)
        assert isinstance(poses, Poses)
        found += [
            poses.take(np.arange(first, first + people)) for first in range(0, max(len(poses), 1), max(people, 1))
        ]
    return found[0] if len(found) == 1 else fuse(*found, skeleton=skeleton)


def suppress(poses: Poses, skeleton: Skeleton, nms: Nms, oks: float) -> Poses:
    """Pose NMS, best first: of two poses with an OKS above `oks` the one with the lower score goes.

    "parametric" is that of RMPE, which has its own measure of likeness; raises KeyError for a skeleton that it was not
    learnt for, see `PARAMETRIC`.
    """
    if nms == "parametric":
        return suppress_parametric(poses, PARAMETRIC[skeleton.name])
    return pose_nms.suppress(poses, skeleton, oks)
