"""TensorFlow's operations on shapes and indices in ONNX: slicing, stacking, gathering, filling."""

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import TensorProto

from posestream.engines.exceptions import ImportModelError
from posestream.engines.zoo.importer.graph import TfNode
from posestream.engines.zoo.importer.translation import Handler
from posestream.engines.zoo.importer.writer import TO_NCHW, TO_NHWC, Value, Writer, known

_NCHW_AXIS = {0: 0, 1: 2, 2: 3, 3: 1}  # an axis of NHWC in NCHW
_TO_THE_END = np.iinfo(np.int64).max


def identity(_node: TfNode, inputs: Sequence[Value], _out: Writer) -> list[Value]:
    return [inputs[0]]


def transpose(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    """Between NHWC and NCHW nothing is written: only the value's order of axes changes."""
    perm = tuple(known(inputs[1], "the permutation").tolist())
    image = inputs[0]
    if image.constant is None and perm == (TO_NCHW if image.channels_first else TO_NHWC):
        return [Value(image.tensor, not image.channels_first)]
    return [Value(out.emit("Transpose", out.tensor(image), perm=perm))]


def concat(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    *parts, axis_value = inputs
    axis = int(known(axis_value, "the axis"))
    if all(part.channels_first for part in parts):
        return [Value(out.emit("Concat", *(p.tensor for p in parts), axis=_NCHW_AXIS[axis % 4]), channels_first=True)]
    return [Value(out.emit("Concat", *map(out.tensor, parts), axis=axis))]


def reshape(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    return [Value(out.emit("Reshape", out.tensor(inputs[0]), out.int64(inputs[1])))]


def expand_dims(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    axes = out.ints(*np.atleast_1d(known(inputs[1], "the axis")).tolist())
    return [Value(out.emit("Unsqueeze", out.tensor(inputs[0]), axes))]


def squeeze(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    axes = node.attrs.get("squeeze_dims", ())
    return [Value(out.emit("Squeeze", out.tensor(inputs[0]), *([out.ints(*axes)] if axes else [])))]


def pack(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    axis = node.attrs.get("axis", 0)
    parts = [out.emit("Unsqueeze", out.tensor(part), out.ints(axis)) for part in inputs]
    return [Value(out.emit("Concat", *parts, axis=axis))]


def unpack(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    axis, count = node.attrs.get("axis", 0), node.attrs["num"]
    parts = out.emit_many("Split", [out.tensor(inputs[0]), out.ints(*[1] * count)], count, axis=axis)
    return [Value(out.emit("Squeeze", part, out.ints(axis))) for part in parts]


def split(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    """Into equal parts; the axis comes first."""
    axis, count = int(known(inputs[0], "the axis")), node.attrs["num_split"]
    return [Value(part) for part in out.emit_many("Split", [out.tensor(inputs[1])], count, axis=axis)]


def split_v(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    """Into parts of given sizes."""
    sizes, axis = known(inputs[1], "the sizes").tolist(), int(known(inputs[2], "the axis"))
    return [Value(p) for p in out.emit_many("Split", [out.tensor(inputs[0]), out.ints(*sizes)], len(sizes), axis=axis)]


def gather_nd(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    return [Value(out.emit("GatherND", out.tensor(inputs[0]), out.int64(inputs[1])))]


def strided_slice(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    """x[begin:end:stride], with bit masks for open bounds, new axes and single indices."""
    begins, ends, strides = (known(value, "a bound").tolist() for value in inputs[1:])
    masks = {
        name: node.attrs.get(f"{name}_mask", 0) for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    if masks["ellipsis"] or any(stride < 1 for stride in strides):
        raise ImportModelError("a slice with an ellipsis or a negative stride is not known here")
    slices: list[tuple[int, int, int, int]] = []
    dropped: list[int] = []
    new: list[int] = []
    axis = kept = 0
    for i, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        bit = 1 << i
        if masks["new_axis"] & bit:
            new.append(kept)
            kept += 1
            continue
        if masks["shrink_axis"] & bit:
            slices.append((axis, begin, begin + 1 if begin != -1 else _TO_THE_END, 1))
            dropped.append(axis)
        else:
            start = 0 if masks["begin"] & bit else begin
            stop = _TO_THE_END if masks["end"] & bit else end
            if (start, stop, stride) != (0, _TO_THE_END, 1):
                slices.append((axis, start, stop, stride))
            kept += 1
        axis += 1
    tensor = out.tensor(inputs[0])
    if slices:
        axes, starts, stops, steps = zip(*slices, strict=True)
        tensor = out.emit("Slice", tensor, out.ints(*starts), out.ints(*stops), out.ints(*axes), out.ints(*steps))
    if dropped:
        tensor = out.emit("Squeeze", tensor, out.ints(*dropped))
    if new:
        tensor = out.emit("Unsqueeze", tensor, out.ints(*new))
    return [Value(tensor)]


def shape(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    tensor = out.emit("Shape", inputs[0].tensor if inputs[0].channels_first else out.tensor(inputs[0]))
    if inputs[0].channels_first:
        tensor = out.emit("Gather", tensor, out.ints(*TO_NHWC))
    return [Value(_as_int32(tensor, out))]


def size(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    return [Value(_as_int32(out.emit("Size", out.tensor(inputs[0])), out))]


def value_range(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    return [Value(out.emit("Range", *map(out.tensor, inputs)))]


def fill(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    return [Value(out.emit("Expand", out.tensor(inputs[1]), out.int64(inputs[0])))]


def tile(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    return [Value(out.emit("Tile", out.tensor(inputs[0]), out.int64(inputs[1])))]


def sparse_to_dense(_node: TfNode, inputs: Sequence[Value], _out: Writer) -> list[Value]:
    indices, sizes, values, default = (known(value, "an input") for value in inputs)
    dense = np.full(sizes, default, default.dtype)
    dense[tuple(np.atleast_2d(indices).T)] = values
    return [Value("", constant=dense)]


def _as_int32(tensor: str, out: Writer) -> str:
    """TensorFlow's default type of sizes is int32, ONNX's int64."""
    return out.emit("Cast", tensor, to=TensorProto.INT32)


OPS: Mapping[str, Handler] = {
    "Identity": identity,
    "Transpose": transpose,
    "ConcatV2": concat,
    "Reshape": reshape,
    "ExpandDims": expand_dims,
    "Squeeze": squeeze,
    "Pack": pack,
    "Unpack": unpack,
    "Split": split,
    "SplitV": split_v,
    "GatherNd": gather_nd,
    "StridedSlice": strided_slice,
    "Shape": shape,
    "Size": size,
    "Range": value_range,
    "Fill": fill,
    "Tile": tile,
    "SparseToDense": sparse_to_dense,
}
