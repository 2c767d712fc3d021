"""Skeletons: joint tables with edges, OKS sigmas and flip pairs, and the conversion between them.

Arrays of keypoints are in the order of `Skeleton.joints`. Left and right are the person's own. Joints of the same name
in two skeletons are the same joint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posestream.engines.results import Floats, Poses


@dataclass(frozen=True)
class Skeleton:
    """A joint table: `edges` are pairs of joint indices to draw, `published_sigmas` (K,) are OKS's, or None."""

    name: str
    joints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    published_sigmas: tuple[float, ...] | None = None

    def __len__(self) -> int:
        return len(self.joints)

    @cached_property
    def sigmas(self) -> NDArray[np.float64]:
        """(K,) OKS sigmas: the published ones, else COCO's by joint name, their mean for joints that COCO lacks."""
        coco = dict(zip(COCO17.joints, COCO17.published_sigmas or (), strict=True))
        others = float(np.mean(list(coco.values())))
        return np.array(self.published_sigmas or [coco.get(joint, others) for joint in self.joints])

    def both(self, part: str) -> list[int]:
        """The indices of the left and the right joint called `part`, in the order of `joints`."""
        return [i for i, joint in enumerate(self.joints) if joint in (f"left {part}", f"right {part}")]

    @cached_property
    def flip_pairs(self) -> tuple[tuple[int, int], ...]:
        """Pairs (left, right) of joint indices that a mirrored image swaps."""
        index = {joint: i for i, joint in enumerate(self.joints)}
        return tuple((i, index["right" + j[4:]]) for j, i in index.items() if j.startswith("left "))

    @cached_property
    def mirror(self) -> NDArray[np.intp]:
        """(K,) intp permutation that swaps the flip pairs: `keypoints[:, mirror]`."""
        order = np.arange(len(self), dtype=np.intp)
        for left, right in self.flip_pairs:
            order[[left, right]] = right, left
        return order

    def unmirror(self, keypoints: Floats, scores: Floats, mirrored: ArrayLike) -> tuple[Floats, Floats]:
        """Keypoints (N, K, 2) and scores (N, K) with the flip pairs swapped of people in mirrored regions; copies.

        `mirrored` is a bool for each person (N,), or one for all.
        """
        order = np.where(np.reshape(mirrored, (-1, 1)), self.mirror, np.arange(len(self)))
        return np.take_along_axis(keypoints, order[..., None], axis=1), np.take_along_axis(scores, order, axis=1)

    def unmirror_maps(self, maps: NDArray[Any]) -> NDArray[Any]:
        """Maps (N, K, ..., w) of mirrored images, unmirrored: flip pairs swapped, columns reversed."""
        return maps[:, self.mirror][..., ::-1]


def _sided(*names: str) -> tuple[str, ...]:
    """Each name with "left", then with "right"."""
    return tuple(f"{side} {name}" for name in names for side in ("left", "right"))


def _limb(side: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{side} {name}" for name in names)


_LEGS = (*_limb("right", "ankle", "knee", "hip"), *_limb("left", "hip", "knee", "ankle"))
_ARMS = (*_limb("right", "wrist", "elbow", "shoulder"), *_limb("left", "shoulder", "elbow", "wrist"))

COCO17 = Skeleton(
    name="coco17",
    joints=("nose", *_sided("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")),
    edges=(
        *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10)),
        *((1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
    ),
    # COCO keypoint evaluation, cocoeval.py: standard deviations of annotators over the square root of the area.
    published_sigmas=(
        *(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072),
        *(0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
    ),
)

# Cao et al. 2017, "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields": COCO's joints and the neck,
# trained as the middle of the shoulders. The edges are the limbs with a field, in the order of assembly.
OPENPOSE18 = Skeleton(
    name="openpose18",
    joints=(
        *("nose", "neck", *_limb("right", "shoulder", "elbow", "wrist"), *_limb("left", "shoulder", "elbow", "wrist")),
        *(*_limb("right", "hip", "knee", "ankle"), *_limb("left", "hip", "knee", "ankle")),
        *("right eye", "left eye", "right ear", "left ear"),
    ),
    edges=(
        *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
        *((1, 0), (0, 14), (14, 16), (0, 15), (15, 17), (2, 16), (5, 17)),
    ),
)

MPII16 = Skeleton(
    name="mpii16",
    joints=(*_LEGS, "pelvis", "thorax", "upper neck", "head top", *_ARMS),
    edges=(
        *((0, 1), (1, 2), (2, 6), (6, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9)),
        *((8, 12), (12, 11), (11, 10), (8, 13), (13, 14), (14, 15)),
    ),
    # Not MPII's own: the values that the field's toolboxes use for OKS on these joints.
    published_sigmas=(
        *(0.089, 0.083, 0.107, 0.107, 0.083, 0.089, 0.026, 0.026, 0.026, 0.026),
        *(0.062, 0.072, 0.179, 0.179, 0.072, 0.062),
    ),
)

LSP14 = Skeleton(
    name="lsp14",
    joints=(*_LEGS, *_ARMS, "upper neck", "head top"),
    edges=(
        *((0, 1), (1, 2), (3, 4), (4, 5), (2, 3), (2, 8), (3, 9), (6, 7), (7, 8), (9, 10), (10, 11)),
        *((8, 12), (9, 12), (12, 13)),
    ),
)

FLIC11 = Skeleton(
    name="flic11",
    joints=(
        *(*_limb("left", "shoulder", "elbow", "wrist"), *_limb("right", "shoulder", "elbow", "wrist")),
        *("left hip", "right hip", "left eye", "right eye", "nose"),
    ),
    edges=((0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (0, 6), (3, 7), (6, 7), (8, 10), (9, 10)),
)

# FLIC's joints in Convolutional Pose Machines: the face is one joint.
FLIC9 = Skeleton(
    name="flic9",
    joints=(
        *(*_limb("left", "shoulder", "elbow", "wrist"), *_limb("right", "shoulder", "elbow", "wrist")),
        *("left hip", "right hip", "head"),
    ),
    edges=((0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (0, 6), (3, 7), (6, 7)),
)

# FLIC's joints in Jain et al. 2014: the face, and each arm from the trunk outwards.
FLIC7 = Skeleton(
    name="flic7",
    joints=("nose", *_limb("left", "shoulder", "elbow", "wrist"), *_limb("right", "shoulder", "elbow", "wrist")),
    edges=((0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6)),
)

SKELETONS: Mapping[str, Skeleton] = {s.name: s for s in (COCO17, OPENPOSE18, MPII16, LSP14, FLIC11, FLIC9, FLIC7)}


def convert(poses: Poses, source: Skeleton, target: Skeleton) -> Poses:
    """Poses in the skeleton `target`; copies, but for `source is target`.

    Joints that `source` lacks get score 0 and the middle of the pose's box; joints that `target` lacks are dropped.
    """
    if source is target:
        return poses
    index = {joint: i for i, joint in enumerate(source.joints)}
    from_source = np.array([index.get(joint, -1) for joint in target.joints], np.intp)
    missing = from_source < 0
    keypoints, keypoint_scores = poses.keypoints[:, from_source], poses.keypoint_scores[:, from_source]
    keypoints[:, missing] = poses.boxes_xyxy.reshape(-1, 2, 2).mean(axis=1)[:, None]
    keypoint_scores[:, missing] = 0.0
    return Poses(keypoints, keypoint_scores, poses.boxes_xyxy.copy(), poses.scores.copy())


MIDDLES: Mapping[str, tuple[str, str]] = {
    "pelvis": ("left hip", "right hip"),
    "thorax": ("left shoulder", "right shoulder"),
    "neck": ("left shoulder", "right shoulder"),  # OpenPose's; "upper neck" of other skeletons is another place
}
"""Joints defined as the middle of two others, for annotations that lack them."""


def placed(points: NDArray[np.float64], joints: Sequence[str], target: Skeleton) -> NDArray[np.float64]:
    """Points (..., K, 2) of `joints` as points (..., T, 2) of the skeleton `target`; a copy.

    Pelvis, thorax and neck are computed from hips and shoulders if `joints` lacks them; other missing joints are NaN.
    """
    found = np.full((*points.shape[:-2], len(target), 2), np.nan)
    for i, joint in enumerate(target.joints):
        sources = (joint,) if joint in joints else MIDDLES.get(joint, (joint,))
        if all(source in joints for source in sources):
            found[..., i, :] = points[..., [joints.index(source) for source in sources], :].mean(axis=-2)
    return found
