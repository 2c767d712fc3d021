"""Part scores with location refinement: the target maps of DeepCut and DeeperCut, and cells to pixels.

Cell i of a map is at pixel 8 i + 4 of the input. A score is 1 within 17 px of a joint; there the refinement is the
offset to the joint, in units of 7.2801 px. (Insafutdinov et al. 2016, section 3; numbers from the authors' code.)
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from posestream.engines.results import Floats, Poses

STRIDE_PX = 8
SPREAD_PX = 7.2801  # standard deviation of the refinement in the authors' code, the square root of 53
RADIUS_PX = 17.0  # for people about 340 px high, the networks' size
_UNKNOWN = 0.25  # margin about a person's box in which an unlabelled joint may be, in units of the box's longer side


class Nearest(NamedTuple):
    """The nearest joint k of all people to each cell.

    `inside` (K, h, w) bool: it is within the radius; `person` (K, h, w) intp; `offsets` (K, 2, h, w) float32, x and y
    in pixels from the cell to that person's joint.
    """

    inside: NDArray[np.bool_]
    person: NDArray[np.intp]
    offsets: Floats


def centres(size_hw: tuple[int, int]) -> Floats:
    """The pixels (2, h, w) float32, x and y, of the cells of an input of `size_hw` pixels."""
    rows, columns = (np.arange(-(-side // STRIDE_PX)) for side in size_hw)
    return (np.stack(np.meshgrid(columns, rows)) * STRIDE_PX + STRIDE_PX // 2).astype(np.float32)


def nearest(people: Poses, cells: Floats) -> Nearest:
    """The nearest joints to each of `cells` (2, h, w), without joints of score 0."""
    joints, (height, width) = people.keypoints.shape[1], cells.shape[1:]
    if not len(people):
        zeros = np.zeros((joints, height, width), bool)
        return Nearest(zeros, zeros.astype(np.intp), np.zeros((joints, 2, height, width), np.float32))
    offsets = people.keypoints[..., None, None] - cells  # (P, K, 2, h, w)
    squares = (offsets**2).sum(axis=2)
    squares[people.keypoint_scores <= 0] = np.inf
    person = squares.argmin(axis=0)
    inside = np.take_along_axis(squares, person[None], axis=0)[0] <= RADIUS_PX**2
    chosen = np.take_along_axis(offsets, person[None, :, None], axis=0)[0]
    return Nearest(inside, person, np.asarray(chosen, np.float32))


def encode(people: Poses, near: Nearest, cells: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Scores (K, h, w), their weights, refinement (2K, h, w), its weights; all float32.

    The refinement has weight 1 inside the disks of the scores. Around a person with an unlabelled joint the scores of
    this joint have weight 0, except in the disks of other people.
    """
    scores = near.inside.astype(np.float32)
    known = np.maximum(scores, ~_unknown(people, cells)).astype(np.float32)
    height, width = cells.shape[1:]
    locref = np.where(near.inside[:, None], near.offsets / SPREAD_PX, 0).reshape(-1, height, width)
    return scores, known, locref.astype(np.float32), np.repeat(scores, 2, axis=0)


def _unknown(people: Poses, cells: Floats) -> NDArray[np.bool_]:
    """(K, h, w) the cells where an unlabelled joint may be."""
    low, high = people.boxes_xyxy[:, :2], people.boxes_xyxy[:, 2:]
    reach = _UNKNOWN * (high - low).max(axis=1, initial=0, keepdims=True) + RADIUS_PX
    around = (cells >= (low - reach)[..., None, None]) & (cells <= (high + reach)[..., None, None])
    missing = (people.keypoint_scores <= 0).astype(np.uint8)
    within = around.all(axis=1).astype(np.uint8)
    found: NDArray[np.bool_] = np.einsum("pk,phw->khw", missing, within) > 0
    return found


def refined(
    locref: NDArray[Any], rows: NDArray[np.intp], columns: NDArray[np.intp], joints: NDArray[np.intp]
) -> Floats:
    """The places (D, 2) float32, in pixels of the input, of joints at cells, from refinement maps (2K, h, w)."""
    offsets = np.stack([locref[2 * joints, rows, columns], locref[2 * joints + 1, rows, columns]], axis=-1)
    return (cell_px(rows, columns) + SPREAD_PX * offsets).astype(np.float32)


def cell_px(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Floats:
    """The pixels (..., 2) float32, x and y, of cells."""
    return (np.stack([columns, rows], axis=-1) * STRIDE_PX + STRIDE_PX // 2).astype(np.float32)
