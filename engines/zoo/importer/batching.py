"""Rewrites networks that were published for one image so that they take a batch of any size.

Convolutions work for any batch. What has a batch of one in its constants is rewritten here, each case by a rule of its
own. A test compares a batch of N with N calls of the published network.

MoveNet, whose decoder gathers from one image by constant indices (`without_unstacking`, `movenet_tail`):

    published   images (1, S, S, 3) ─▶ Cast ─▶ Unpack ─▶ Pack ─▶ trunk ─▶ 4 heads ─▶ its decoder ─▶ (1, 1, 17, 3)
    rewritten   images (N, S, S, 3) ─▶ Cast ──── Identity ─────▶ trunk ─▶ 4 heads ─▶ movenet_tail ─▶ (N, 1, 17, 3)

Reshapes to constant shapes (`free_batch`), where 0 is ONNX's "as in the input" and -1 "the rest":

    published   a head (1, H, W, C) ─▶ (1, H * W, C)      channel shuffle (1, C, H, W) ─▶ (C / 2, 2, H * W) ─▶ …
    rewritten   a head (N, H, W, C) ─▶ (0, H * W, C)      channel shuffle (N, C, H, W) ─▶ (-1, 2, H * W) ─▶ …
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, numpy_helper

from posestream.engines.zoo.importer.graph import TfGraph, TfNode, producer
from posestream.engines.zoo.importer.writer import Value, Writer

_PREFIX = "StatefulPartitionedCall/"
MOVENET_HEADS = tuple(
    _PREFIX + name
    for name in (
        "kpt_heatmap_0/conv2d_5/BiasAdd",  # (N, G, G, 17) a map per joint
        "center_0/conv2d_4/BiasAdd",  # (N, G, G, 1) centres of people
        "kpt_regress_0/conv2d_6/BiasAdd",  # (N, G, G, 17*2) from a centre to its joints, in cells
        "kpt_offset_0/conv2d_7/BiasAdd",  # (N, G, G, 17*2) from a cell to the joint in it, in cells
    )
)
_JOINTS = 17


def without_unstacking(graph: TfGraph) -> TfGraph:
    """MoveNet with an Identity in the place of Unpack and Pack, which have the batch size in them."""
    return graph.with_nodes(TfNode(f"{_PREFIX}stack", "Identity", (f"{_PREFIX}Cast",), {}))


def movenet_tail(graph: TfGraph, heads: Sequence[Value], out: Writer) -> Value:
    """MoveNet's decoder for any batch, with the constants of `graph`: (N, 1, 17, 3) of y, x and score, 0 to 1.

    The person is the cell with the highest centre score, weighted down with the distance from the middle. Each joint is
    the cell with the highest score of its map, weighted down with the distance from where the person's regression
    expects it, plus the offset in that cell.
    """
    heatmaps, centres, regressions, offsets = map(out.tensor, heads)
    scores = out.emit("Sigmoid", heatmaps)
    middle_weights = _operand(graph, "truediv_2")  # (G, G, 1)
    grid = len(middle_weights)
    person = _person(centres, middle_weights, out)
    distance = _distance_from_expected(graph, regressions, _row_and_column(person, grid, out), out)
    weighted = out.emit("Div", scores, out.emit("Add", distance, out.constant(_operand(graph, "add_5"))))
    cell = out.emit("ArgMax", out.emit("Reshape", weighted, out.ints(0, -1, _JOINTS)), axis=1, keepdims=0)  # (N, 17)

    joint_in_cell = out.emit("Add", out.emit("Mul", cell, _index(_JOINTS, out)), out.ints(*range(_JOINTS)))
    joint_in_cell = out.emit("Unsqueeze", joint_in_cell, out.ints(2))  # (N, 17, 1) index into cells x joints
    score = out.emit("GatherND", out.emit("Reshape", scores, out.ints(0, -1, 1)), joint_in_cell, batch_dims=1)
    offset = out.emit("GatherND", out.emit("Reshape", offsets, out.ints(0, -1, 2)), joint_in_cell, batch_dims=1)
    corner = out.emit("Concat", *(_as_column(n, out) for n in _row_and_column(cell, grid, out)), axis=2)
    positions = out.emit("Mul", out.emit("Add", corner, offset), out.constant(_operand(graph, "mul_2").reshape(2)))
    return Value(out.emit("Unsqueeze", out.emit("Concat", positions, score, axis=2), out.ints(1)))


def _person(centres: str, middle_weights: NDArray[Any], out: Writer) -> str:
    """(N, 1) the person's cell."""
    weighted = out.emit("Mul", out.emit("Sigmoid", centres), out.constant(middle_weights))
    return out.emit("ArgMax", out.emit("Reshape", weighted, out.ints(0, -1)), axis=1, keepdims=1)


def _distance_from_expected(graph: TfGraph, regressions: str, person: tuple[str, str], out: Writer) -> str:
    """(N, G, G, 17) in cells, from each cell to where each joint of `person`, a row and a column, is expected."""
    to_joints = out.emit("GatherND", regressions, out.emit("Concat", *person, axis=1), batch_dims=1)
    to_joints = out.emit("Reshape", to_joints, out.ints(0, _JOINTS, 2))
    squares = []
    for axis, (start, grid) in enumerate(zip(person, ("sub_5", "sub_6"), strict=True)):
        expected = out.emit("Add", _float(start, out), out.emit("Gather", to_joints, _index(axis, out), axis=2))
        expected = out.emit("Unsqueeze", expected, out.ints(1, 2))  # (N, 1, 1, 17)
        difference = out.emit("Sub", out.constant(_operand(graph, grid)), expected)
        squares.append(out.emit("Mul", difference, difference))
    return out.emit("Sqrt", out.emit("Add", *squares))


def _row_and_column(cell: str, grid: int, out: Writer) -> tuple[str, str]:
    row = out.emit("Div", cell, _index(grid, out))
    return row, out.emit("Sub", cell, out.emit("Mul", row, _index(grid, out)))


def _as_column(cells: str, out: Writer) -> str:
    return out.emit("Unsqueeze", _float(cells, out), out.ints(2))


def _float(tensor: str, out: Writer) -> str:
    return out.emit("Cast", tensor, to=TensorProto.FLOAT)


def _index(value: int, out: Writer) -> str:
    return out.constant(value, np.int64)


def _operand(graph: TfGraph, node: str) -> NDArray[Any]:
    """The constant operand of a node of the published decoder."""
    names = [producer(name) for name in graph.nodes[_PREFIX + node].inputs]
    return next(graph.constants[name] for name in names if name in graph.constants)


def free_batch(nodes: Sequence[NodeProto], constants: Mapping[str, TensorProto]) -> None:
    """Rewrites the constant shapes of Reshapes for any batch, in place: a leading 1 to 0, a channel shuffle's to -1.

    ShuffleNet's channel shuffle folds the batch into the channels: (N * C / 2, 2, H * W).
    """
    for node in nodes:
        if node.op_type != "Reshape" or node.input[1] not in constants:
            continue
        shape = numpy_helper.to_array(constants[node.input[1]]).copy()
        if shape[0] == 1:
            shape[0] = 0
        elif len(shape) == 3 and shape[1] == 2 and min(shape) > 0:
            shape[0] = -1
        constants[node.input[1]].CopyFrom(numpy_helper.from_array(shape, node.input[1]))
