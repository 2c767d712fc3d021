"""Boxes from ideal maps of NanoDet and FastestDet."""

import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.codecs import codec_for
from posestream.engines.geometry import mirrored, whole_frame
from posestream.engines.plan import Region
from posestream.engines.results import Boxes
from posestream.engines.zoo.catalogue import find

NANODET, FASTESTDET = find("nanodet"), find("fastestdet")
FRAME_HW = (480, 640)


def nanodet_maps(*people: tuple[int, int, tuple[float, float, float, float], float]) -> list[NDArray[np.float32]]:
    """Outputs with one person each at (stride, cell), with distances in strides to left, top, right, bottom, score.

    A distance between two bins is a distribution over both.
    """
    outputs = {o.name: np.zeros((1, *[n or 1 for n in o.shape[1:]]), np.float32) for o in NANODET.outputs}
    for stride, cell, distances, score in people:
        outputs[f"scores_{stride}"][0, cell, 0] = score
        logits = np.full((4, 11), -50.0)
        for side, distance in enumerate(distances):
            below = int(distance)
            logits[side, below] = np.log(1 - (distance - below))
            logits[side, below + 1] = np.log(max(distance - below, 1e-9))
        outputs[f"distances_{stride}"][0, cell] = logits.reshape(-1)
    return [outputs[o.name] for o in NANODET.outputs]


def decoded(outputs: list[NDArray[np.float32]], region: Region | None = None) -> Boxes:
    whole, size_hw = whole_frame(NANODET.input, FRAME_HW)
    boxes = codec_for(NANODET).decode(outputs, [region or whole], size_hw)
    assert isinstance(boxes, Boxes)
    return boxes


def test_nanodet_boxes_lie_where_the_cells_and_their_distances_say() -> None:
    """Stride 16, cell (row 13, column 10): its centre lies 10.5 x 16 from the left edge and 13.5 x 16 from the top."""
    boxes = decoded(nanodet_maps((16, 13 * 26 + 10, (2.5, 4.0, 3.25, 5.0), 0.8)))
    edges_in_input = np.array([10.5 - 2.5, 13.5 - 4.0, 10.5 + 3.25, 13.5 + 5.0]) * 16
    letterbox = np.array([0, 52, 0, 52])  # the frame is 416 x 312 in the input
    assert boxes.xyxy[0] == pytest.approx((edges_in_input - letterbox) * 640 / 416 - 0.5, abs=1e-2)
    assert boxes.scores == pytest.approx([0.8])


def test_boxes_come_best_first_and_twins_go() -> None:
    same = (3.0, 3.0, 3.0, 3.0)
    boxes = decoded(
        nanodet_maps((16, 100, same, 0.5), (16, 101, same, 0.9), (32, 60, same, 0.7), (8, 2000, same, 0.05))
    )
    assert boxes.scores == pytest.approx([0.9, 0.7])


def test_a_box_may_reach_over_the_frame() -> None:
    boxes = decoded(nanodet_maps((32, 6 * 13, (5.0, 1.0, 1.0, 1.0), 0.9)))
    assert boxes.xyxy[0, 0] < 0


def test_nobody_is_no_boxes() -> None:
    assert len(decoded(nanodet_maps())) == 0


def test_no_regions_are_no_boxes() -> None:
    assert len(codec_for(NANODET).decode([o[:0] for o in nanodet_maps()], [], (416, 416))) == 0


def test_a_mirrored_region_finds_the_box_on_the_other_side() -> None:
    region, _ = whole_frame(NANODET.input, FRAME_HW)
    maps = nanodet_maps((32, 6 * 13 + 3, (1.0, 1.0, 2.0, 1.0), 0.9))
    plain, mirror = decoded(maps).xyxy[0], decoded(maps, mirrored(region)).xyxy[0]
    assert mirror[[2, 0]] == pytest.approx(639 - plain[[0, 2]], abs=1e-3)
    assert mirror[[1, 3]] == pytest.approx(plain[[1, 3]], abs=1e-3)


def test_two_regions_of_a_frame_give_one_list() -> None:
    maps = nanodet_maps((32, 6 * 13 + 6, (1.0, 1.0, 1.0, 1.0), 0.9))
    left, right = Region(-0.5, -0.5, 320, 320), Region(319.5, -0.5, 320, 320)
    boxes = codec_for(NANODET).decode([np.concatenate([o, o]) for o in maps], [left, right], (416, 416))
    assert isinstance(boxes, Boxes)
    assert sorted(boxes.xyxy[:, 0]) == pytest.approx([boxes.xyxy[:, 0].min(), boxes.xyxy[:, 0].min() + 320], abs=1e-2)


def fastestdet_maps(*people: tuple[int, int, float, float, float, float, float]) -> NDArray[np.float32]:
    """Maps with people at (row, column), with centre offsets in cells, sides as parts of the image, and a score."""
    maps = np.zeros((1, 85, 22, 22), np.float32)
    for row, column, dx, dy, width, height, score in people:
        sides = [np.log(side / (1 - side)) for side in (width, height)]
        maps[0, :6, row, column] = [score, np.arctanh(dx), np.arctanh(dy), *sides, score]
    return maps


def test_fastestdet_boxes_are_parts_of_the_stretched_frame() -> None:
    region, size_hw = whole_frame(FASTESTDET.input, FRAME_HW)
    maps = fastestdet_maps((5, 11, 0.3, -0.2, 0.25, 0.5, 0.9))
    boxes = codec_for(FASTESTDET).decode([maps], [region], size_hw)
    assert isinstance(boxes, Boxes)
    x, y = 11.3 / 22 * 640, 4.8 / 22 * 480
    assert boxes.xyxy[0] == pytest.approx(np.array([x - 80, y - 120, x + 80, y + 120]) - 0.5, abs=1e-2)
    assert boxes.scores == pytest.approx([0.9])  # obj^0.6 * class^0.4


def test_fastestdet_sees_only_people() -> None:
    maps = fastestdet_maps((5, 5, 0, 0, 0.2, 0.2, 0.9))
    maps[0, 20] = maps[0, 5]
    maps[0, 5] = 0
    region, size_hw = whole_frame(FASTESTDET.input, FRAME_HW)
    assert len(codec_for(FASTESTDET).decode([maps], [region], size_hw)) == 0
