"""TensorFlow's arithmetic in ONNX: elementwise operations, and reductions over an axis."""

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import helper

from posestream.engines.zoo.importer.graph import TfNode
from posestream.engines.zoo.importer.translation import Handler
from posestream.engines.zoo.importer.writer import Value, Writer, known

ELEMENTWISE: Mapping[str, str] = {
    "Abs": "Abs",
    "Add": "Add",
    "AddN": "Sum",
    "AddV2": "Add",
    "Equal": "Equal",
    "Exp": "Exp",
    "Greater": "Greater",
    "GreaterEqual": "GreaterOrEqual",
    "Less": "Less",
    "LogicalAnd": "And",
    "Maximum": "Max",
    "Minimum": "Min",
    "Mul": "Mul",
    "RealDiv": "Div",
    "Reciprocal": "Reciprocal",
    "Select": "Where",
    "Sqrt": "Sqrt",
    "Sub": "Sub",
}
"""TensorFlow's operation -> ONNX's name of it."""


def elementwise(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    tensors, first = out.aligned(inputs)
    return [Value(out.emit(ELEMENTWISE[node.op], *tensors), first)]


def squared_difference(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    (a, b), first = out.aligned(inputs)
    difference = out.emit("Sub", a, b)
    return [Value(out.emit("Mul", difference, difference), first)]


def floor_div(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    """(a - a mod b) / b: rounds down, while ONNX's Div of integers rounds towards zero."""
    (a, b), first = out.aligned(inputs)
    if node.attrs["T"].kind == "f":
        return [Value(out.emit("Floor", out.emit("Div", a, b)), first)]
    return [Value(out.emit("Div", out.emit("Sub", a, out.emit("Mod", a, b)), b), first)]


def cast(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    (tensor,), first = out.aligned(inputs)
    return [Value(out.emit("Cast", tensor, to=helper.np_dtype_to_tensor_dtype(node.attrs["DstT"])), first)]


def arg_max(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    """The first maximum, in both."""
    axis = int(known(inputs[1], "the axis"))
    where = out.emit("ArgMax", out.tensor(inputs[0]), axis=axis, keepdims=0)
    dtype = node.attrs.get("output_type", np.dtype(np.int64))
    return [Value(out.emit("Cast", where, to=helper.np_dtype_to_tensor_dtype(dtype)))]


def reduce_sum(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    axes = out.ints(*np.atleast_1d(known(inputs[1], "the axis")).tolist())
    keepdims = int(node.attrs.get("keep_dims", False))
    return [Value(out.emit("ReduceSum", out.tensor(inputs[0]), axes, keepdims=keepdims))]


def reduce_max(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    axes = np.atleast_1d(known(inputs[1], "the axis")).tolist()
    keepdims = int(node.attrs.get("keep_dims", False))
    return [Value(out.emit("ReduceMax", out.tensor(inputs[0]), axes=axes, keepdims=keepdims))]


def top_k(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    """Values and their indices along the last axis, largest first."""
    count = out.ints(int(known(inputs[1], "k")))
    values, indices = out.emit_many("TopK", [out.tensor(inputs[0]), count], 2, axis=-1, largest=1, sorted=1)
    return [Value(values), Value(out.emit("Cast", indices, to=helper.np_dtype_to_tensor_dtype(np.dtype(np.int32))))]


OPS: Mapping[str, Handler] = {
    **dict.fromkeys(ELEMENTWISE, elementwise),
    "SquaredDifference": squared_difference,
    "FloorDiv": floor_div,
    "Cast": cast,
    "ArgMax": arg_max,
    "Sum": reduce_sum,
    "Max": reduce_max,
    "TopKV2": top_k,
}
