"""Associative embedding: maps of all joints in an image, and tags that are similar for joints of one person.

Newell et al. 2017; at two resolutions as in Cheng et al. 2020, "HigherHRNet", section 3.4.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs.boxes import around
from posestream.engines.codecs.grouping import Candidates, group
from posestream.engines.codecs.heatmap import gaussians
from posestream.engines.codecs.pose_nms import join_regions
from posestream.engines.geometry import to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import COCO17
from posestream.engines.spec import ModelSpec

_JOINTS = len(COCO17)
_WINDOW = np.ones((5, 5), np.uint8)  # cells of which a candidate is the maximum
_SIGMA = 2.0  # of a target, in cells of either resolution
MAX_PEOPLE = 30  # of an image: in targets, candidates for a joint, and poses


class AssociativeEmbedding:
    """Maps (N, 34, h, w) of 17 joints and 17 tags, and (N, 17, 2h, 2w) of joints alone -> `Poses`, best first.

    Joints need a score above `peak` in the mean of both maps, which with the tags are resized to the fine maps and then
    to the input, as in the authors' code; tags of one person's joints differ by less than `tag` from their mean. Joints
    that a person lacks are then placed at the best score of map and tag. `scores` are the means over all 17 joints,
    before that. The people of several regions pass pose NMS with the threshold `oks`. Raises ValueError where the
    skeleton is not COCO's.
    """

    def __init__(self, spec: ModelSpec, peak: float = 0.1, tag: float = 1.0, oks: float = 0.7) -> None:
        if spec.skeleton != COCO17.name:
            raise ValueError(f"tags: the skeleton must be {COCO17.name}, not {spec.skeleton}")
        self._peak, self._tag, self._oks = peak, tag, oks

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Poses:
        found = [
            self._people(coarse, fine, region, size_hw) for coarse, fine, region in zip(*outputs, regions, strict=True)
        ]
        return join_regions(found, COCO17, self._oks)

    def _people(self, coarse: Floats, fine: Floats, region: Region, size_hw: tuple[int, int]) -> Poses:
        """The poses in one image, from its maps."""
        coarse = _resized(coarse, fine.shape[1:])
        mean: Floats = (coarse[:_JOINTS] + fine) * np.float32(0.5)
        heat = _resized(mean, size_hw)
        tags = _resized(coarse[_JOINTS:], size_hw)
        candidates = self._candidates(heat, tags)
        people = group(candidates, self._tag)
        if not len(people):
            return Poses.none(_JOINTS)
        found = people >= 0
        scores = np.where(found, candidates.scores[people], 0).astype(np.float32)
        cells = np.where(found[..., None], candidates.places[people], 0)
        best = np.argsort(-scores.mean(axis=1), kind="stable")[:MAX_PEOPLE]
        found, scores, cells, people = found[best], scores[best], cells[best], people[best]
        person_scores = scores.mean(axis=1)
        for i in range(len(people)):
            mean_tag = float(candidates.tags[people[i][found[i]]].mean())
            _fill(heat, tags, mean_tag, ~found[i], cells[i], scores[i])
        keypoints = to_frame(_sub_cell(heat, cells), region, size_hw)
        keypoints, scores = COCO17.unmirror(keypoints, scores.clip(0, 1), region.mirrored)
        return Poses(keypoints, scores, around(keypoints, scores, self._peak), person_scores.clip(0, 1))

    def _candidates(self, heat: Floats, tags: Floats) -> Candidates:
        """The best local maxima of each joint's map (17, H, W), at most `MAX_PEOPLE` a joint."""
        found = []
        for joint, (joint_heat, joint_tags) in enumerate(zip(heat, tags, strict=True)):
            rows, columns = np.nonzero((joint_heat > self._peak) & (joint_heat == cv2.dilate(joint_heat, _WINDOW)))
            scores = joint_heat[rows, columns]
            best = np.argsort(-scores, kind="stable")[:MAX_PEOPLE]
            rows, columns = rows[best], columns[best]
            types = np.full(len(best), joint, np.intp)
            found.append((types, np.stack([columns, rows], axis=1), scores[best], joint_tags[rows, columns]))
        return Candidates(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def encode(self, people: Poses, size_hw: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
        """Maps (17, H / 4, W / 4) and (17, H / 2, W / 2) of all people, and the cells of each person's joints (30, 17).

        Cells are indices into a flattened coarse map, -1 for joints that are unlabelled or outside the image, and in
        unused rows. Raises ValueError where there are more than 30 people.
        """
        if len(people) > MAX_PEOPLE:
            raise ValueError(f"{len(people)} people in one image: {MAX_PEOPLE} at most")
        maps = []
        cells_at = np.full((MAX_PEOPLE, _JOINTS), -1, np.float32)
        for stride in (4, 2):
            map_hw = size_hw[0] // stride, size_hw[1] // stride
            cells = np.floor(people.keypoints.astype(np.float64) / stride)
            inside = ((cells >= 0) & (cells < map_hw[::-1])).all(axis=-1) & (people.keypoint_scores > 0)
            each = [gaussians(c, i.astype(np.float32), map_hw, _SIGMA) for c, i in zip(cells, inside, strict=True)]
            maps.append(np.max([np.zeros((_JOINTS, *map_hw), np.float32), *each], axis=0))
            if stride == 4:
                cells_at[: len(people)] = np.where(inside, cells[..., 1] * map_hw[1] + cells[..., 0], -1)
        return maps[0], maps[1], cells_at


def _fill(
    heat: Floats, tags: Floats, mean_tag: float, missing: NDArray[np.bool_], cells: NDArray[np.intp], scores: Floats
) -> None:
    """Sets a person's `missing` joints (17,), in place, to the maximum of the map less the rounded distance of tags.

    A joint whose map is not positive there stays missing.
    """
    if not missing.any():
        return
    worth = heat[missing] - np.round(np.abs(tags[missing] - mean_tag))
    at = worth.reshape(len(worth), -1).argmax(axis=1)
    rows, columns = np.divmod(at, heat.shape[2])
    values = heat[missing, rows, columns]
    cells[missing] = np.stack([columns, rows], axis=1)
    scores[missing] = np.maximum(values, 0)


def _sub_cell(heat: Floats, cells: NDArray[np.intp]) -> NDArray[np.float64]:
    """Places (P, 17, 2) in the input of cells of its size: shifted by half a cell, since targets were rounded down, and
    by a quarter of a cell towards the larger neighbour, on both axes.
    """
    joints = np.arange(_JOINTS)
    height, width = heat.shape[1:]
    x, y = cells[..., 0], cells[..., 1]
    right, left = heat[joints, y, np.minimum(x + 1, width - 1)], heat[joints, y, np.maximum(x - 1, 0)]
    below, above = heat[joints, np.minimum(y + 1, height - 1), x], heat[joints, np.maximum(y - 1, 0), x]
    offsets = np.stack([np.where(right > left, 0.25, -0.25), np.where(below > above, 0.25, -0.25)], axis=-1)
    places: NDArray[np.float64] = cells + 0.5 + offsets
    return places


def _resized(maps: Floats, size_hw: Sequence[int]) -> Floats:
    """Maps (K, h, w) at another size; bilinear, edge to edge."""
    resized = np.empty((len(maps), *size_hw), np.float32)
    for one, out in zip(maps, resized, strict=True):  # faster than allocating all of them twice
        out[:] = cv2.resize(one, tuple(size_hw[::-1]), interpolation=cv2.INTER_LINEAR)
    return resized
