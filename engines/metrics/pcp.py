"""PCP, the percentage of correct parts: limbs with both ends near the truth. Larger is better.

Ferrari et al. 2008, "Progressive Search Space Reduction for Human Pose Estimation". Two variants are in use (Pishchulin
et al. 2012, "Articulated People Detection and Pose Estimation: Reshaping the Future", section 4):

* strict: the distance of each end from its true place is at most half the true limb's length;
* loose: the mean of the two distances is.

A limb with an unlabelled end is not counted; one with an end that was not found is wrong. The length is the limb's own
or, with `mean_length`, its mean over all people, which does not punish limbs that point at the camera.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.metrics import correct
from posestream.engines.metrics.correct import Correct
from posestream.engines.skeletons import Skeleton

Variant: TypeAlias = Literal["strict", "loose"]

THRESHOLD = 0.5

# Both ends, each the mean of joints. Without pelvis and thorax the torso is from mid hips to mid shoulders.
_TORSOS = (
    (("pelvis",), ("thorax",)),
    (("right hip", "left hip"), ("right shoulder", "left shoulder")),
)
_HEAD = (("upper neck",), ("head top",))
_LIMBS: Mapping[str, tuple[str, str]] = {
    "upper leg": ("hip", "knee"),
    "lower leg": ("knee", "ankle"),
    "upper arm": ("shoulder", "elbow"),
    "forearm": ("elbow", "wrist"),
}
Ends: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "torso": ("torso",),
    **{limb: (f"right {limb}", f"left {limb}") for limb in _LIMBS},
    "head": ("head",),
}
"""The columns of the table in papers; their total is the pooled mean over all limbs."""


def sticks(skeleton: Skeleton) -> dict[str, Ends]:
    """The limbs by name, of which the skeleton has all joints; each end is the mean of its joints."""
    sided: dict[str, Ends] = {
        f"{side} {limb}": ((f"{side} {near}",), (f"{side} {far}",))
        for limb, (near, far) in _LIMBS.items()
        for side in ("right", "left")
    }
    torsos = [torso for torso in _TORSOS if _has(skeleton, torso)]
    wanted: dict[str, Ends] = {"torso": torsos[0]} if torsos else {}
    return wanted | {name: ends for name, ends in {**sided, "head": _HEAD}.items() if _has(skeleton, ends)}


def pcp(
    found: NDArray[np.float64],
    truth: NDArray[np.float64],
    skeleton: Skeleton,
    variant: Variant = "strict",
    threshold: float = THRESHOLD,
    *,
    mean_length: bool = False,
) -> Correct:
    """PCP by limb of people (N, K, 2). Raises ValueError where the shapes differ."""
    if found.shape != truth.shape:
        raise ValueError(f"{found.shape} found and {truth.shape} true do not go together")
    limbs = sticks(skeleton)
    true_ends, found_ends = (_ends(points, skeleton, limbs) for points in (truth, found))
    counted = np.logical_not(np.isnan(true_ends).any(axis=(2, 3)))
    lengths = np.linalg.norm(true_ends[:, :, 1] - true_ends[:, :, 0], axis=-1)
    if mean_length:
        sums = np.where(counted, lengths, 0).sum(axis=0)
        lengths = np.broadcast_to(sums / np.maximum(counted.sum(axis=0), 1), lengths.shape)
    away = np.linalg.norm(found_ends - true_ends, axis=-1)  # (N, S, 2); NaN is wrong
    worst = away.max(axis=-1) if variant == "strict" else away.mean(axis=-1)
    return correct.of(tuple(limbs), worst <= threshold * lengths, counted)


def _has(skeleton: Skeleton, ends: Ends) -> bool:
    return all(joint in skeleton.joints for end in ends for joint in end)


def _ends(points: NDArray[np.float64], skeleton: Skeleton, limbs: Mapping[str, Ends]) -> NDArray[np.float64]:
    """(N, S, 2, 2) both ends of S limbs, x and y; NaN if a joint of the end is."""
    places = np.full((len(points), len(limbs), 2, 2), np.nan)
    for i, ends in enumerate(limbs.values()):
        for j, joints in enumerate(ends):
            places[:, i, j] = points[:, [skeleton.joints.index(joint) for joint in joints]].mean(axis=1)
    return places
