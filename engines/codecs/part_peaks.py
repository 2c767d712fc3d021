"""Detections of parts: the peaks of score maps, refined."""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs import part_maps
from posestream.engines.codecs.boxes import greedy
from posestream.engines.results import Floats

_MAX_CANDIDATES = 200  # of a part, before NMS: bounds the work on a flat map


class PartDetections(NamedTuple):
    """D detections: cells `rows`, `columns`, `joints`, `scores`, each (D,), and refined `places` (D, 2) in pixels."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    joints: NDArray[np.intp]
    scores: Floats
    places: Floats

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> "PartDetections":
        """The detections at an index or mask; copies."""
        rows, columns, joints, scores, places = self
        return PartDetections(rows[which], columns[which], joints[which], scores[which], places[which])

    def joined(self, other: "PartDetections") -> "PartDetections":
        """These detections followed by those of `other`; copies."""
        return PartDetections(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.columns, other.columns]),
            np.concatenate([self.joints, other.joints]),
            np.concatenate([self.scores, other.scores]),
            np.concatenate([self.places, other.places]),
        )


def find(
    scores: NDArray[Any], locref: NDArray[Any], min_score: float, radius: float, max_detections: int
) -> PartDetections:
    """The maxima within `radius` cells of maps (K, h, w) that score `min_score` or more.

    Of cells with the same score the one nearest to the joint, by the refinement (2K, h, w), is better. At most
    `max_detections` of each part, best first.
    """
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x**2 + y**2 <= radius**2).astype(np.uint8)
    # One part at a time: OpenCV's dilation of many channels at once is slow.
    highest = np.stack([cv2.dilate(np.ascontiguousarray(part, np.float32), disk) for part in scores])
    joints, rows, columns = np.nonzero((scores >= min_score) & (scores >= highest))
    found = PartDetections(
        rows,
        columns,
        joints,
        scores[joints, rows, columns].astype(np.float32),
        part_maps.refined(locref, rows, columns, joints),
    )
    kept = [_suppressed(found, np.nonzero(joints == joint)[0], radius) for joint in range(len(scores))]
    return found.take(np.concatenate([of_part[:max_detections] for of_part in kept]))


def _suppressed(parts: PartDetections, index: NDArray[np.intp], radius: float) -> NDArray[np.intp]:
    """NMS of the detections at `index`, of one part: no two left are within `radius` cells; best first."""
    off_px = np.linalg.norm(parts.places[index] - part_maps.cell_px(parts.rows[index], parts.columns[index]), axis=1)
    index = index[np.lexsort((off_px, -parts.scores[index]))[:_MAX_CANDIDATES]]
    cells = np.stack([parts.columns[index], parts.rows[index]], axis=1)
    squares = ((cells[:, None] - cells[None]) ** 2).sum(axis=-1)
    in_order = -np.arange(len(index), dtype=np.float32)
    return index[greedy(squares <= radius**2, in_order, 0.5)]
