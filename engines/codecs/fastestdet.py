"""FastestDet: a detector with one level and one box for each cell.

https://github.com/dog-qiuqiu/FastestDet, `utils/tool.py`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs.boxes import boxes_to_frame, suppress
from posestream.engines.plan import Region
from posestream.engines.results import Boxes

_OBJECT, _BOX, _PERSON = 0, slice(1, 5), 5  # channels; person is the first of COCO's 80 classes


class FastestDet:
    """Maps (N, 85, rows, columns): object, x, y, width, height, 80 classes -> `Boxes` of people.

    Boxes need a score above `score`; NMS has the threshold `iou` and keeps at most `max_boxes`.
    """

    def __init__(self, score: float = 0.3, iou: float = 0.45, max_boxes: float = 100) -> None:
        self._score, self._iou, self._max_boxes = score, iou, int(max_boxes)

    def decode(self, outputs: Sequence[NDArray[Any]], regions: Sequence[Region], size_hw: tuple[int, int]) -> Boxes:
        xyxy, found = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
        for region, maps in zip(regions, outputs[0], strict=True):
            likely = maps[_OBJECT] ** 0.6 * maps[_PERSON] ** 0.4
            rows, columns = np.nonzero(likely > self._score)
            dx, dy, width, height = maps[_BOX, rows, columns]
            cells_hw = maps.shape[1:]
            centre = np.stack([(np.tanh(dx) + columns) / cells_hw[1], (np.tanh(dy) + rows) / cells_hw[0]], axis=1)
            half = np.stack([_sigmoid(width), _sigmoid(height)], axis=1) / 2
            boxes = np.concatenate([centre - half, centre + half], axis=1) * np.tile(size_hw[::-1], 2) - 0.5
            xyxy.append(boxes_to_frame(boxes, region, size_hw))
            found.append(likely[rows, columns].astype(np.float32))
        return suppress(Boxes(np.concatenate(xyxy), np.concatenate(found)), self._iou, self._max_boxes)


def _sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(1 / (1 + np.exp(-x)))
