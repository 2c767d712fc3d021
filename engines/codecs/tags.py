"""Associative embedding: maps of all joints in an image, and a tag beside each that says whose it is.

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
from posestream.engines.codecs.pose_nms import suppress
from posestream.engines.geometry import to_frame
from posestream.engines.plan import Region
from posestream.engines.results import Floats, Poses
from posestream.engines.skeletons import COCO17
from posestream.engines.spec import ModelSpec

_JOINTS = len(COCO17)
_APART = np.ones((5, 5), np.uint8)  # the largest of these cells is a candidate
_SIGMA = 2.0  # of a target, in cells of either resolution
MOST_PEOPLE = 30  # in an image: in targets, of candidates for a joint, and found


class AssociativeEmbedding:
    """Maps (N, 34, h, w) of 17 joints and 17 tags, and (N, 17, 2h, 2w) of joints alone -> `Poses`, best first.

    Joints need `peak` in the mean of both maps, which with the tags are brought to the size of the fine maps and then
    to that of the input, as in the authors' code; joints of one person have tags less than `tag` from their mean.
    Joints that a person then lacks are taken where the map is best and tags are alike. `scores` are the means over all
    17 joints, before that. Where several regions are decoded, people in several of them with an OKS above `oks` are
    taken once. Raises ValueError for a skeleton that is not COCO's.
    """

    def __init__(self, spec: ModelSpec, peak: float = 0.1, tag: float = 1.0, oks: float = 0.7) -> None:
        if spec.skeleton != COCO17.name:
            raise ValueError(f"tags: people are put together from the joints of {COCO17.name}, not of {spec.skeleton}")
        self._peak, self._tag, self._oks = peak, tag, oks

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Poses:
        found = [
            self._people(coarse, fine, region, size_hw) for coarse, fine, region in zip(*outputs, regions, strict=True)
        ]
        poses = Poses.joined([Poses.none(_JOINTS), *found])
        poses = poses.take(np.argsort(-poses.scores, kind="stable"))
        return suppress(poses, COCO17, self._oks) if len(found) > 1 else poses

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
        there = people >= 0
        scores = np.where(there, candidates.scores[people], 0).astype(np.float32)
        cells = np.where(there[..., None], candidates.places[people], 0)
        best = np.argsort(-scores.mean(axis=1), kind="stable")[:MOST_PEOPLE]
        there, scores, cells, people = there[best], scores[best], cells[best], people[best]
        person_scores = scores.mean(axis=1)
        for i in range(len(people)):
            mean_tag = float(candidates.tags[people[i][there[i]]].mean())
            _fill(heat, tags, mean_tag, ~there[i], cells[i], scores[i])
        keypoints = to_frame(_between_cells(heat, cells), region, size_hw)
        scores = scores.clip(0, 1)
        if region.width_px < 0:
            keypoints, scores = keypoints[:, COCO17.mirror], scores[:, COCO17.mirror]
        return Poses(keypoints, scores, around(keypoints, scores, self._peak), person_scores.clip(0, 1))

    def _candidates(self, heat: Floats, tags: Floats) -> Candidates:
        """For each joint the best local maxima of its map (17, H, W)."""
        found = []
        for joint, (joint_heat, joint_tags) in enumerate(zip(heat, tags, strict=True)):
            rows, columns = np.nonzero((joint_heat > self._peak) & (joint_heat == cv2.dilate(joint_heat, _APART)))
            scores = joint_heat[rows, columns]
            best = np.argsort(-scores, kind="stable")[:MOST_PEOPLE]
            rows, columns = rows[best], columns[best]
            types = np.full(len(best), joint, np.intp)
            found.append((types, np.stack([columns, rows], axis=1), scores[best], joint_tags[rows, columns]))
        return Candidates(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def encode(self, people: Poses, size_hw: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
        """Maps (17, H / 4, W / 4) and (17, H / 2, W / 2) of all people, and where each one's joints lie (30, 17).

        The latter are indices into a flattened coarse map, -1 for joints that are not labelled or outside the image,
        and for people who are not there. Raises ValueError for more than 30 people.
        """
        if len(people) > MOST_PEOPLE:
            raise ValueError(f"{len(people)} people in one image: {MOST_PEOPLE} at most")
        maps = []
        cells_at = np.full((MOST_PEOPLE, _JOINTS), -1, np.float32)
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
    """Places a person's `missing` joints (17,) where the map less the rounded distance of tags is greatest, in place.

    Where the map is not positive there, the joint stays missing.
    """
    if not missing.any():
        return
    worth = heat[missing] - np.round(np.abs(tags[missing] - mean_tag))
    at = worth.reshape(len(worth), -1).argmax(axis=1)
    rows, columns = np.divmod(at, heat.shape[2])
    values = heat[missing, rows, columns]
    cells[missing] = np.stack([columns, rows], axis=1)
    scores[missing] = np.maximum(values, 0)


def _between_cells(heat: Floats, cells: NDArray[np.intp]) -> NDArray[np.float64]:
    """Places (P, 17, 2) in the input of cells of its size: half a cell on, since targets were rounded down to cells,
    and a quarter towards the greater neighbour, on both axes.
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
    """Maps (K, h, w) at another size, bilinear, the edges of the pictures on each other."""
    resized = np.empty((len(maps), *size_hw), np.float32)
    for one, out in zip(maps, resized, strict=True):  # one at a time: room for all of them twice takes longer than this
        out[:] = cv2.resize(one, tuple(size_hw[::-1]), interpolation=cv2.INTER_LINEAR)
    return resized
