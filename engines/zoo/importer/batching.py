"""Makes networks that were published for one image take a batch of any size.

Their convolutions do not mind; what has a batch of one baked in is rewritten here, each by a rule of its own. A test
proves that a batch of N gives what N single calls of the unchanged network give.
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
        "kpt_heatmap_0/conv2d_5/BiasAdd",  # (N, G, G, 17) a map for each joint
        "center_0/conv2d_4/BiasAdd",  # (N, G, G, 1) centres of people
        "kpt_regress_0/conv2d_6/BiasAdd",  # (N, G, G, 17*2) from a centre to its joints
        "kpt_offset_0/conv2d_7/BiasAdd",  # (N, G, G, 17*2) from a cell to the joint in it
    )
)
_JOINTS = 17


def without_unstacking(graph: TfGraph) -> TfGraph:
    """MoveNet takes its batch apart and stacks it again before anything else: passes it through instead."""
    return graph.with_nodes(TfNode(f"{_PREFIX}stack", "Identity", (f"{_PREFIX}Cast",), {}))


def movenet_tail(graph: TfGraph, heads: Sequence[Value], out: Writer) -> Value:
    """MoveNet's decoding of the four heads for any batch, with the constants of `graph`: (N, 1, 17, 3).

    The person nearest to the middle is chosen by the weighted centre map; each joint is the best cell of its own map,
    weighted down with the distance from where the centre says the joint should be, plus the offset in that cell.
    """
    heatmap, centre, regress, offset = heads
    joints = out.ints(*range(_JOINTS))
    scores = out.emit("Sigmoid", out.tensor(heatmap))
    weights = _operand(graph, "truediv_2")  # (G, G, 1), largest in the middle
    centres = out.emit("Mul", out.emit("Sigmoid", out.tensor(centre)), out.constant(weights))
    person = out.emit("ArgMax", out.emit("Reshape", centres, out.ints(0, -1)), axis=1, keepdims=1)  # (N, 1)
    row, column = _row_and_column(person, len(weights), out)
    to_joints = out.emit("GatherND", out.tensor(regress), out.emit("Concat", row, column, axis=1), batch_dims=1)
    to_joints = out.emit("Reshape", to_joints, out.ints(0, _JOINTS, 2))
    squares = []
    for axis, (start, grid) in enumerate(((row, "sub_5"), (column, "sub_6"))):
        expected = out.emit("Add", _float(start, out), out.emit("Gather", to_joints, _index(axis, out), axis=2))
        expected = out.emit("Unsqueeze", expected, out.ints(1, 2))  # (N, 1, 1, 17)
        difference = out.emit("Sub", out.constant(_operand(graph, grid)), expected)
        squares.append(out.emit("Mul", difference, difference))
    distance = out.emit("Sqrt", out.emit("Add", *squares))
    weighted = out.emit("Div", scores, out.emit("Add", distance, out.constant(_operand(graph, "add_5"))))
    cell = out.emit("ArgMax", out.emit("Reshape", weighted, out.ints(0, -1, _JOINTS)), axis=1, keepdims=0)  # (N, 17)
    place = out.emit("Add", out.emit("Mul", cell, _index(_JOINTS, out)), joints)
    place = out.emit("Unsqueeze", place, out.ints(2))  # (N, 17, 1) among cells x joints
    score = out.emit("GatherND", out.emit("Reshape", scores, out.ints(0, -1, 1)), place, batch_dims=1)
    within = out.emit("GatherND", out.emit("Reshape", out.tensor(offset), out.ints(0, -1, 2)), place, batch_dims=1)
    corner = out.emit("Concat", *(_column(c, out) for c in _row_and_column(cell, len(weights), out)), axis=2)
    positions = out.emit("Mul", out.emit("Add", corner, within), out.constant(_operand(graph, "mul_2").reshape(2)))
    return Value(out.emit("Unsqueeze", out.emit("Concat", positions, score, axis=2), out.ints(1)))


def _row_and_column(cell: str, grid: int, out: Writer) -> tuple[str, str]:
    row = out.emit("Div", cell, _index(grid, out))
    return row, out.emit("Sub", cell, out.emit("Mul", row, _index(grid, out)))


def _column(cells: str, out: Writer) -> str:
    return out.emit("Unsqueeze", _float(cells, out), out.ints(2))


def _float(tensor: str, out: Writer) -> str:
    return out.emit("Cast", tensor, to=TensorProto.FLOAT)


def _index(value: int, out: Writer) -> str:
    return out.constant(value, np.int64)


def _operand(graph: TfGraph, node: str) -> NDArray[Any]:
    """The constant that the node of the original decoder works with."""
    names = [producer(name) for name in graph.nodes[_PREFIX + node].inputs]
    return next(graph.constants[name] for name in names if name in graph.constants)


def free_batch(nodes: Sequence[NodeProto], constants: Mapping[str, TensorProto]) -> None:
    """Sets the batch free in Reshapes to constant shapes, in place.

    A leading 1 becomes 0, ONNX's "as it was". ShuffleNet's channel shuffle folds the batch into the channels, (N * C /
    2, 2, H * W): its leading number becomes -1, "what remains".
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
