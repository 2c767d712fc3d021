"""Small graphs, one for each operation that the importer knows."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.engines.zoo.graphdef_writer import GraphDef

F32, I32, BOOL = np.dtype("float32"), np.dtype("int32"), np.dtype("bool")
IMAGE = (2, 7, 6, 4)
Case = tuple[str, str, list[Any], dict[str, Any]]
"""Operation, what `x` is ("image" or "vector"), its inputs ("x" or constants), its attributes."""


def _kernel(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def _ints(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int32)


def _scalar(value: int) -> np.ndarray[Any, Any]:
    return np.array(value, np.int32)


def _window(size: int, step: int, padding: str, **more: Any) -> dict[str, Any]:
    return {"T": F32, "strides": [1, step, step, 1], "padding": padding, "data_format": "NHWC", **more} | (
        {"ksize": [1, size, size, 1]} if size else {}
    )


_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


def _slice(begin: int = 0, end: int = 0, new_axis: int = 0, shrink: int = 0) -> dict[str, Any]:
    return {"T": F32, "Index": I32} | dict(zip(_MASKS, (begin, end, 0, new_axis, shrink), strict=True))


def convolution(graph: GraphDef, image: str) -> str:
    """A convolution of `image` that keeps its shape."""
    kernel = graph.const("kernel", _kernel(1, 1, 4, 4), "float32")
    return graph.node("convolution", "Conv2D", [image, kernel], **_window(0, 1, "SAME"))


CASES: Mapping[str, Case] = {
    "Conv2D, same": ("Conv2D", "image", ["x", _kernel(3, 3, 4, 5)], _window(0, 1, "SAME")),
    "Conv2D, same, stride 2, odd and even sides": (
        "Conv2D",
        "image",
        ["x", _kernel(3, 3, 4, 5)],
        _window(0, 2, "SAME"),
    ),
    "Conv2D, valid": ("Conv2D", "image", ["x", _kernel(3, 3, 4, 5)], _window(0, 1, "VALID")),
    "Conv2D, even kernel": ("Conv2D", "image", ["x", _kernel(2, 2, 4, 5)], _window(0, 1, "SAME")),
    "Conv2D, dilated": (
        "Conv2D",
        "image",
        ["x", _kernel(3, 3, 4, 5)],
        _window(0, 1, "SAME", dilations=[1, 2, 2, 1]),
    ),
    "DepthwiseConv2dNative, two outputs a channel": (
        "DepthwiseConv2dNative",
        "image",
        ["x", _kernel(3, 3, 4, 2)],
        _window(0, 2, "SAME"),
    ),
    "MaxPool, same": ("MaxPool", "image", ["x"], _window(5, 1, "SAME")),
    "MaxPool, same, stride 2": ("MaxPool", "image", ["x"], _window(3, 2, "SAME")),
    "ResizeBilinear, pixel centres": (
        "ResizeBilinear",
        "image",
        ["x", _ints(14, 3)],
        {"T": F32, "half_pixel_centers": True, "align_corners": False},
    ),
    "ResizeBilinear, aligned corners": (
        "ResizeBilinear",
        "image",
        ["x", _ints(14, 3)],
        {"T": F32, "half_pixel_centers": False, "align_corners": True},
    ),
    "BiasAdd": ("BiasAdd", "image", ["x", _kernel(4)], {"T": F32, "data_format": "NHWC"}),
    "Pad": ("Pad", "image", ["x", np.array([[0, 0], [1, 2], [0, 3], [1, 0]], np.int32)], {"T": F32, "Tpaddings": I32}),
    "Relu": ("Relu", "image", ["x"], {"T": F32}),
    "Relu6": ("Relu6", "image", ["x"], {"T": F32}),
    "LeakyRelu": ("LeakyRelu", "image", ["x"], {"T": F32, "alpha": 0.1}),
    "Sigmoid": ("Sigmoid", "image", ["x"], {"T": F32}),
    "Mul, along channels": ("Mul", "image", ["x", _kernel(4)], {"T": F32}),
    "Sub, along width and channels": ("Sub", "image", [_kernel(6, 4), "x"], {"T": F32}),
    "SquaredDifference": ("SquaredDifference", "image", ["x", _kernel(4)], {"T": F32}),
    "ConcatV2, channels": ("ConcatV2", "image", ["x", "x", _scalar(3)], {"T": F32, "N": 2, "Tidx": I32}),
    "ConcatV2, last axis": ("ConcatV2", "image", ["x", "x", _scalar(-1)], {"T": F32, "N": 2, "Tidx": I32}),
    "Transpose, to NCHW": ("Transpose", "image", ["x", _ints(0, 3, 1, 2)], {"T": F32, "Tperm": I32}),
    "Transpose, any": ("Transpose", "image", ["x", _ints(3, 1, 0, 2)], {"T": F32, "Tperm": I32}),
    "Reshape": ("Reshape", "image", ["x", _ints(2, -1, 4)], {"T": F32, "Tshape": I32}),
    "ExpandDims": ("ExpandDims", "image", ["x", _scalar(-1)], {"T": F32, "Tdim": I32}),
    "Pack": ("Pack", "vector", ["x", "x"], {"T": F32, "N": 2, "axis": 1}),
    "Unpack": ("Unpack", "vector", ["x"], {"T": F32, "num": 6, "axis": 1}),
    "Split": ("Split", "image", [_scalar(1), "x"], {"T": F32, "num_split": 7}),
    "SplitV": ("SplitV", "image", ["x", _ints(1, 3), _scalar(3)], {"T": F32, "Tlen": I32, "num_split": 2}),
    "GatherNd": (
        "GatherNd",
        "image",
        ["x", np.array([[0, 6, 5], [1, 0, 2]], np.int32)],
        {"Tparams": F32, "Tindices": I32},
    ),
    "StridedSlice, open": (
        "StridedSlice",
        "image",
        ["x", _ints(0, 1, 0, 0), _ints(0, -1, 0, 3), _ints(1, 2, 1, 1)],
        _slice(begin=5, end=5),
    ),
    "StridedSlice, new axes": (
        "StridedSlice",
        "image",
        ["x", _ints(0, 0, 1), _ints(0, 0, 4), _ints(1, 1, 1)],
        _slice(begin=1, end=1, new_axis=2),
    ),
    "StridedSlice, single indices": (
        "StridedSlice",
        "image",
        ["x", _ints(1, -1), _ints(2, 0), _ints(1, 1)],
        _slice(shrink=3),
    ),
    "Shape": ("Shape", "image", ["x"], {"T": F32, "out_type": I32}),
    "Tile": ("Tile", "vector", ["x", _ints(2, 3)], {"T": F32, "Tmultiples": I32}),
    "ArgMax": ("ArgMax", "image", ["x", _scalar(2)], {"T": F32, "Tidx": I32, "output_type": I32}),
    "Sum": ("Sum", "image", ["x", _ints(1, 2)], {"T": F32, "Tidx": I32, "keep_dims": True}),
    "Max": ("Max", "image", ["x", _scalar(3)], {"T": F32, "Tidx": I32, "keep_dims": False}),
    "TopKV2": ("TopKV2", "vector", ["x", _scalar(3)], {"T": F32, "sorted": True}),
    "Exp": ("Exp", "vector", ["x"], {"T": F32}),
    "Reciprocal": ("Reciprocal", "vector", ["x"], {"T": F32}),
    "AddN": ("AddN", "vector", ["x", "x", "x"], {"T": F32, "N": 3}),
    "FloorDiv, below zero": ("FloorDiv", "vector", ["x", np.float32(-0.3)], {"T": F32}),
    "Cast, to integers": ("Cast", "vector", ["x"], {"SrcT": F32, "DstT": I32, "Truncate": False}),
}


def _squeeze(graph: GraphDef) -> None:
    graph.const("first", 0, "int32")
    graph.node("one", "ExpandDims", ["x", "first"], T=F32, Tdim=I32)
    graph.node("result", "Squeeze", ["one"], T=F32, squeeze_dims=[0])


def _range(graph: GraphDef) -> None:
    graph.const("zero", 0, "int32")
    graph.const("two", 2, "int32")
    graph.node("size", "Size", ["x"], T=F32, out_type=I32)
    graph.node("result", "Range", ["zero", "size", "two"], Tidx=I32)


def _fill(graph: GraphDef) -> None:
    graph.const("value", 0.5, "float32")
    graph.node("shape", "Shape", ["x"], T=F32, out_type=I32)
    graph.node("result", "Fill", ["shape", "value"], T=F32, index_type=I32)


def _select(graph: GraphDef) -> None:
    graph.const("value", 0.5, "float32")
    graph.const("others", np.full((3, 6), -1), "float32")
    graph.node("more", "Greater", ["x", "value"], T=F32)
    graph.node("result", "Select", ["more", "x", "others"], T=F32)


def _logical_and(graph: GraphDef) -> None:
    graph.const("low", -0.5, "float32")
    graph.const("high", 0.5, "float32")
    graph.node("more", "GreaterEqual", ["x", "low"], T=F32)
    graph.node("less", "Less", ["x", "high"], T=F32)
    graph.node("both", "LogicalAnd", ["more", "less"])
    graph.node("result", "Cast", ["both"], SrcT=BOOL, DstT=F32)


CHAINS: Mapping[str, Callable[[GraphDef], None]] = {
    "Squeeze": _squeeze,
    "Range": _range,
    "Size": _range,
    "Fill": _fill,
    "Select": _select,
    "Greater": _select,
    "GreaterEqual": _logical_and,
    "Less": _logical_and,
    "LogicalAnd": _logical_and,
}
"""Operations that need others around them: each adds nodes to a graph with x, (3, 6), and ends in "result"."""
