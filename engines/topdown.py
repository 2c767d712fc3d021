"""One pose a person from several looks: mirrored crops, a second pass about the torso, pose NMS.

A look is a `Poses` whose i-th pose is the i-th person's; `suppress` alone takes people found twice. All poses are in
COCO-17.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.codecs import pose_nms
from engines.codecs.boxes import area
from engines.geometry import centred
from engines.plan import Region
from engines.results import Floats, Poses
from engines.skeletons import COCO17
from engines.spec import InputSpec

_SURE = 0.2  # joints with this score say where a person is; MoveNet's own crop rule takes the same
_SHOULDERS, _HIPS = [5, 6], [11, 12]
_AGREE = 3.0  # looks agree on a joint within so many of its standard deviations in COCO

# Half the side of a closer look: the torso's reach from the hips or the whole body's, so many times, the larger counts.
# The rule is MoveNet's; its own factors, 1.9 and 1.2, have room for motion, which costs 0.01 to 0.02 AP on stills.
_TORSO_REACH, _BODY_REACH = 1.6, 1.1


def refine_regions(poses: Poses, spec: InputSpec, regions: Sequence[Region]) -> list[Region]:
    """A region about the hips of each pose, for a closer look; that of `regions` where no torso was found.

    `regions` are those that the poses were found in, in the same order; the identity of each is kept.
    """
    return [
        _about_hips(keypoints, scores >= _SURE, spec, region)
        for keypoints, scores, region in zip(poses.keypoints, poses.keypoint_scores, regions, strict=True)
    ]


def _about_hips(keypoints: Floats, sure: NDArray[np.bool_], spec: InputSpec, region: Region) -> Region:
    if not (sure[_HIPS].any() and sure[_SHOULDERS].any()):
        return region
    x, y = (float(c) for c in keypoints[_HIPS].mean(axis=0))
    away = np.abs(keypoints - (x, y)).max(axis=1)
    side = 2 * float(max(_TORSO_REACH * away[_SHOULDERS + _HIPS].max(), _BODY_REACH * away[sure].max()))
    return centred(x, y, side, side, spec, region.person)


def fuse(*looks: Poses) -> Poses:
    """The same people from several looks, joint by joint.

    A joint is the mean, weighted by score, of the looks that agree with the most certain one; its score is the sum of
    theirs over the number of looks, so that a joint on which looks differ loses. Boxes are those of the first look;
    `scores` are the means of the joints' scores.
    """
    points = np.stack([look.keypoints for look in looks])  # (L, N, K, 2)
    scores = np.stack([look.keypoint_scores for look in looks])  # (L, N, K)
    best = scores.argmax(axis=0)
    anchor = np.take_along_axis(points, best[None, ..., None], axis=0)
    deviations = 2 * np.array(COCO17.sigmas, np.float32)
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


def flip_mean(poses: Poses) -> Poses:
    """One pose a person from 2N: those of N regions, then those of the same regions mirrored, in the same order."""
    people = len(poses) // 2
    return fuse(poses.take(np.arange(people)), poses.take(np.arange(people, 2 * people)))


def suppress(poses: Poses, oks: float) -> Poses:
    """Pose NMS: of two poses with an OKS above `oks` the one with the lower score goes. Best first."""
    return pose_nms.suppress(poses, COCO17, oks)
