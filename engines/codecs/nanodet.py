"""NanoDet: an anchor-free detector with a distribution for each side of a box, on three levels.

https://github.com/RangiLyu/nanodet. The distribution is that of Generalized Focal Loss (Li et al. 2020, eq. 5): the
distance to a side is the expectation over bins 0 to 10, in strides.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs.boxes import boxes_to_frame, suppress
from posestream.engines.plan import Region
from posestream.engines.results import Boxes, Floats
from posestream.engines.spec import ModelSpec

_PERSON = 0  # among the 80 classes of COCO
_STRIDES = (8, 16, 32)


class NanoDet:
    """Scores (N, cells, 80) and distances (N, cells, 4 * bins) of each level -> `Boxes` of people.

    Boxes need a score above `score`; NMS has the threshold `iou` and keeps at most `max_boxes`.
    """

    def __init__(self, spec: ModelSpec, score: float = 0.2, iou: float = 0.5, max_boxes: float = 100) -> None:
        self._score, self._iou, self._max_boxes = score, iou, int(max_boxes)
        index = {output.name: i for i, output in enumerate(spec.outputs)}
        self._levels = [(stride, index[f"scores_{stride}"], index[f"distances_{stride}"]) for stride in _STRIDES]

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Boxes:
        xyxy, scores = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
        for stride, score_index, distance_index in self._levels:
            people = outputs[score_index][..., _PERSON]
            for region, person, distances in zip(regions, people, outputs[distance_index], strict=True):
                (cells,) = np.nonzero(person > self._score)
                boxes = _boxes(cells, distances[cells], stride, size_hw[1] // stride)
                xyxy.append(boxes_to_frame(boxes, region, size_hw))
                scores.append(person[cells].astype(np.float32))
        return suppress(Boxes(np.concatenate(xyxy), np.concatenate(scores)), self._iou, self._max_boxes)


def _boxes(cells: NDArray[np.intp], distances: Floats, stride: int, columns: int) -> Floats:
    """Boxes (N, 4), left, top, right, bottom in pixels of the input, of cells (N,) with distances (N, 4 * bins)."""
    bins = distances.reshape(len(cells), 4, distances.shape[1] // 4)
    bins = np.exp(bins - bins.max(axis=2, keepdims=True))
    sides = bins @ np.arange(bins.shape[2]) / bins.sum(axis=2) * stride
    centres = np.stack([cells % columns, cells // columns], axis=1) * stride + stride / 2 - 0.5
    boxes: Floats = np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1)
    return boxes
