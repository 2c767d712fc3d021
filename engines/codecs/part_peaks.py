"""Detections of parts: the peaks of score maps, refined."""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs import part_maps
from posestream.engines.codecs.boxes import greedy
from posestream.engines.results import Floats

_CANDIDATES = 200  # of a part, before suppression: bounds the work where a map is flat


class Parts(NamedTuple):
    """D detections: cells `rows`, `columns` (D,), `joints` (D,) and `scores` (D,), and `places` (D, 2) in pixels."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    joints: NDArray[np.intp]
    scores: Floats
    places: Floats

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> "Parts":
        """The detections at an index or mask; copies."""
        rows, columns, joints, scores, places = self
        return Parts(rows[which], columns[which], joints[which], scores[which], places[which])

    def joined(self, other: "Parts") -> "Parts":
        """Those of both; copies."""
        return Parts(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.columns, other.columns]),
            np.concatenate([self.joints, other.joints]),
            np.concatenate([self.scores, other.scores]),
            np.concatenate([self.places, other.places]),
        )


def find(scores: NDArray[Any], locref: NDArray[Any], least: float, radius: float, most: int) -> Parts:
    """The cells of maps (K, h, w) with a score of `least` or more that are the best within `radius` cells.

    Of cells with the same score the one nearest to the joint, by the refinement (2K, h, w), is better. At most `most`
    detections of each part, best first.
    """
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x**2 + y**2 <= radius**2).astype(np.uint8)
    # A part a time: OpenCV dilates many channels at once only in the slow way.
    highest = np.stack([cv2.dilate(np.ascontiguousarray(part, np.float32), disk) for part in scores])
    joints, rows, columns = np.nonzero((scores >= least) & (scores >= highest))
    found = Parts(
        rows,
        columns,
        joints,
        scores[joints, rows, columns].astype(np.float32),
        part_maps.refined(locref, rows, columns, joints),
    )
    kept = [_suppressed(found, np.nonzero(joints == joint)[0], radius, most) for joint in range(len(scores))]
    return found.take(np.concatenate(kept))


def _suppressed(parts: Parts, those: NDArray[np.intp], radius: float, most: int) -> NDArray[np.intp]:
    """Of `those`, of one part, no two within `radius` cells of each other."""
    off_px = np.linalg.norm(parts.places[those] - part_maps.cell_px(parts.rows[those], parts.columns[those]), axis=1)
    those = those[np.lexsort((off_px, -parts.scores[those]))[:_CANDIDATES]]
    cells = np.stack([parts.columns[those], parts.rows[those]], axis=1)
    squares = ((cells[:, None] - cells[None]) ** 2).sum(axis=-1)
    in_order = -np.arange(len(those), dtype=np.float32)
    return those[greedy(squares <= radius**2, in_order, 0.5)[:most]]
