"""Part affinity fields: joints from heat maps, people from the limbs between them.

Cao et al. 2017, "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields". A limb is scored by the field
along the line between two joints (eq. 10-11, ten samples) and the limbs of a type share no joint (eq. 12-16, greedily).
People are then assembled from all limbs, best first, where the paper goes through them type by type.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs.boxes import around
from posestream.engines.codecs.paf_peaks import Peaks, find_peaks
from posestream.engines.codecs.paf_targets import draw_fields, draw_heatmaps
from posestream.engines.codecs.pose_nms import join_regions
from posestream.engines.geometry import to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import OPENPOSE18, SKELETONS, Skeleton, convert
from posestream.engines.spec import ModelSpec

_JOINTS = len(OPENPOSE18)
_NECK, _SHOULDERS = 1, [2, 5]
# The x channel of each limb's field among the 38, in the order of the edges of OPENPOSE18; y is the next one.
_FIELD_X = (12, 20, 14, 16, 22, 24, 0, 2, 4, 6, 8, 10, 28, 30, 34, 32, 36, 18, 26)
_FILLING = (17, 18)  # ear to shoulder: linked last, without a score
_SAMPLES = 10


class _Limb(NamedTuple):
    """A scored link from peak `start` to peak `end`, indices into `Peaks`."""

    score: float
    start: int
    end: int


class PartAffinityFields:
    """Maps of 18 joints and the background, and 38 fields -> `Poses` in the skeleton of the spec, best first.

    The outputs are (N, 19, rows, columns) and (N, 38, rows, columns), or both in one, (N, rows, columns, 57). Joints
    are maxima of 3x3 cells above `peak` in the map upsampled by `upsample`, refined by a parabola through the cells. A
    limb needs a field above `field` at more than the share `agree` of its samples. A person needs `joints` joints and a
    sum of the scores of joints and limbs of `score` a joint. The people of several regions pass pose NMS with the
    threshold `oks`. Raises ValueError where the spec has another number of heat maps.

    Targets are heat maps (19, rows, columns) with Gaussians of `sigma_px`, and fields (38, rows, columns) in a band of
    `band_px` on both sides of the limb, without joints that are unlabelled or outside the image.
    """

    def __init__(
        self,
        spec: ModelSpec,
        peak: float = 0.05,
        field: float = 0.05,
        agree: float = 0.8,
        joints: float = 3,
        score: float = 0.2,
        upsample: float = 4,
        oks: float = 0.7,
        sigma_px: float = 7,
        band_px: float = 8,
    ) -> None:
        self._skeleton = SKELETONS[spec.skeleton or OPENPOSE18.name]
        if len(spec.outputs) == 2 and spec.outputs[0].shape[1] != _JOINTS + 1:
            found = spec.outputs[0].shape[1]
            raise ValueError(f"paf: {found} heat maps, not {_JOINTS + 1}: {OPENPOSE18.name} and the background")
        self._peak, self._field, self._agree, self._upsample = peak, field, agree, int(upsample)
        self._joints, self._score, self._oks = joints, score, oks
        self._stride, self._sigma_px, self._band_px = spec.outputs[0].stride, sigma_px, band_px

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Poses:
        found = [self._people(*maps, region, size_hw) for maps, region in zip(_split(outputs), regions, strict=True)]
        return convert(join_regions(found, OPENPOSE18, self._oks), OPENPOSE18, self._skeleton)

    def encode(self, people: Poses, size_hw: tuple[int, int]) -> tuple[Floats, Floats]:
        """Heat maps and fields of one image; a neck that the skeleton lacks is put in the middle of the shoulders."""
        people = _with_neck(people, self._skeleton)
        inside = ((people.keypoints >= -0.5) & (people.keypoints < np.array(size_hw[::-1]) - 0.5)).all(axis=-1)
        labelled = (inside & (people.keypoint_scores > 0)).astype(np.float32)
        heatmaps = draw_heatmaps(people.keypoints, labelled, size_hw, self._stride, self._sigma_px)
        starts, ends = np.array(OPENPOSE18.edges).T
        limbs = people.keypoints[:, starts], people.keypoints[:, ends], labelled[:, starts] * labelled[:, ends]
        drawn = draw_fields(*limbs, size_hw, self._stride, self._band_px)
        fields = np.empty((2 * len(drawn), *drawn.shape[2:]), np.float32)
        x_channels = np.array(_FIELD_X)
        fields[x_channels], fields[x_channels + 1] = drawn[:, 0], drawn[:, 1]
        return heatmaps, fields

    def _people(self, heatmaps: NDArray[Any], fields: NDArray[Any], region: Region, size_hw: tuple[int, int]) -> Poses:
        """The poses in one image, from its heat maps (rows, columns, 18) and fields (rows, columns, 38)."""
        peaks = find_peaks(heatmaps, self._peak, self._upsample, self._sigma_px / self._stride)
        limbs = [self._find_limbs(peaks, fields, edge) for edge in range(len(OPENPOSE18.edges))]
        people = _assemble(peaks, limbs)
        limb_scores = np.array([limb_score for _, limb_score in people])
        keypoints = np.zeros((len(people), _JOINTS, 2), np.float32)
        keypoint_scores = np.zeros((len(people), _JOINTS), np.float32)
        cell_px = np.array(size_hw[::-1]) / heatmaps.shape[1::-1]
        places = to_frame((peaks.places + 0.5) * cell_px - 0.5, region, size_hw)
        for i, (members, _) in enumerate(people):
            types = peaks.types[members]
            keypoints[i] = places[members].mean(axis=0)  # for joints that were not found
            keypoints[i, types], keypoint_scores[i, types] = places[members], np.minimum(peaks.scores[members], 1.0)
        keypoints, keypoint_scores = OPENPOSE18.unmirror(keypoints, keypoint_scores, region.mirrored)
        boxes = around(keypoints, keypoint_scores, self._peak)
        poses = Poses(keypoints, keypoint_scores, boxes, keypoint_scores.mean(axis=1))
        found = (keypoint_scores > 0).sum(axis=1)
        strong = keypoint_scores.sum(axis=1) + limb_scores >= self._score * found
        return poses.take((found >= self._joints) & strong)

    def _find_limbs(self, peaks: Peaks, fields: NDArray[Any], edge: int) -> list[_Limb]:
        """The limbs of one type in fields (rows, columns, 38), best first; no two share a joint."""
        starts, ends = (np.nonzero(peaks.types == joint)[0] for joint in OPENPOSE18.edges[edge])
        if not len(starts) or not len(ends):
            return []
        along = peaks.places[ends][None] - peaks.places[starts][:, None]  # (S, E, 2)
        length = np.linalg.norm(along, axis=-1)
        steps = np.linspace(0, 1, _SAMPLES, dtype=np.float32)[:, None]
        points = (peaks.places[starts][:, None, None] + along[:, :, None] * steps).reshape(len(starts), -1, 2)
        field = np.ascontiguousarray(fields[..., _FIELD_X[edge] : _FIELD_X[edge] + 2])
        sampled = cv2.remap(field, points[..., 0], points[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        unit = along / np.maximum(length, 1e-6)[..., None]
        agreement = (sampled.reshape(*length.shape, _SAMPLES, 2) * unit[:, :, None]).sum(axis=-1)
        too_long = np.minimum(0.5 * fields.shape[0] / np.maximum(length, 1e-6) - 1, 0)  # as in OpenPose's own code
        scores = agreement.mean(axis=-1) + too_long
        good = (scores > 0) & ((agreement > self._field).mean(axis=-1) > self._agree)
        return _one_to_one(scores, good, starts, ends)


def _split(outputs: Sequence[NDArray[Any]]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Heat maps (rows, columns, 18) and fields (rows, columns, 38) of each image."""
    if len(outputs) == 1:
        yield from ((maps[..., :_JOINTS], maps[..., _JOINTS + 1 :]) for maps in outputs[0])
    else:
        for heatmaps, fields in zip(*outputs, strict=True):
            yield np.ascontiguousarray(heatmaps[:_JOINTS].transpose(1, 2, 0)), fields.transpose(1, 2, 0)


def _with_neck(people: Poses, skeleton: Skeleton) -> Poses:
    """The people in OPENPOSE18, with a neck in the middle of both shoulders if the skeleton has none."""
    converted = convert(people, skeleton, OPENPOSE18)
    if OPENPOSE18.joints[_NECK] not in skeleton.joints:
        converted.keypoints[:, _NECK] = converted.keypoints[:, _SHOULDERS].mean(axis=1)
        converted.keypoint_scores[:, _NECK] = converted.keypoint_scores[:, _SHOULDERS].min(axis=1)
    return converted


def _one_to_one(scores: NDArray[Any], good: NDArray[Any], starts: NDArray[Any], ends: NDArray[Any]) -> list[_Limb]:
    """Greedy one-to-one matching of the good pairs (S, E), best first."""
    limbs, used = [], set()
    rows, columns = np.nonzero(good)
    for i in np.argsort(-scores[rows, columns], kind="stable"):
        start, end = int(starts[rows[i]]), int(ends[columns[i]])
        if start not in used and end not in used:
            used |= {start, end}
            limbs.append(_Limb(float(scores[rows[i], columns[i]]), start, end))
    return limbs


def _assemble(peaks: Peaks, limbs: Sequence[Sequence[_Limb]]) -> list[tuple[list[int], float]]:
    """The peaks of each person, and the sum of the scores of the limbs between them.

    Limbs merge people, best limb first, those of `_FILLING` last and without a score; a limb whose people share a joint
    type is skipped.
    """
    people = {i: [i] for i in range(len(peaks.types))}
    owner, limb_scores = list(people), [0.0] * len(people)
    core = [limb for edge, found in enumerate(limbs) if edge not in _FILLING for limb in found]
    filling = [limb._replace(score=0.0) for edge in _FILLING for limb in limbs[edge]]
    for limb in sorted(core, reverse=True) + filling:
        first, second = owner[limb.start], owner[limb.end]
        one, other = people[first], people[second]
        if set(peaks.types[one]).isdisjoint(peaks.types[other]):
            one += people.pop(second)
            limb_scores[first] += limb_scores[second] + limb.score
            for peak in one:
                owner[peak] = first
    return [(members, limb_scores[first]) for first, members in people.items()]
