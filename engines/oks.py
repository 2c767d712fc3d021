"""OKS, object keypoint similarity: COCO's measure of how alike two poses are, 0 to 1.

    OKS = sum_k w_k exp(-d_k^2 / (2 s^2 (2 sigma_k)^2)) / sum_k w_k

with d_k the distance of joint k in pixels, s^2 an area in px^2, sigma_k of `Skeleton.sigmas` and w_k a weight. Its uses
differ in s^2 and w_k:

| poses compared | s^2 | w_k | function |
|---|---|---|---|
| a pose and the truth | the segment's area | 1 if labelled | `engines.metrics.coco_oks.coco_oks` |
| two poses of one frame | the mean area of both boxes | 1 if found in both | `engines.codecs.pose_nms.pose_oks` |
| a predicted and a found pose | the mean squared size of both | the smaller score | the tracker's |
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def keypoint_similarity(
    offsets_px: NDArray[Any],
    weights: NDArray[Any],
    areas_px2: ArrayLike,
    sigmas: NDArray[np.float64],
    spread_px: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """(A, B) float64 OKS of A times B pairs of poses, from the offsets (A, B, K, 2) between their joints.

    `weights`, `areas_px2` and `spread_px` broadcast to (A, B, K), (A, B) and (A, B); `sigmas` is (K,). `spread_px` is
    the standard deviation of a pose's place, whose square is added to the variance of each joint. 0 where all weights
    are 0.
    """
    areas, spread = np.asarray(areas_px2)[..., None], np.asarray(spread_px)[..., None]
    variances = (2 * sigmas) ** 2 + spread**2 / areas
    terms = np.exp(-(offsets_px**2).sum(axis=-1) / variances / areas / 2)
    total = weights.sum(axis=-1)
    return np.asarray((terms * weights).sum(axis=-1) / np.where(total > 0, total, 1), np.float64)
