"""ONNX operators on the shape and order of arrays, in torch."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from posestream.engines.backends.torch.nodes import OnnxNode
from posestream.engines.backends.torch.operators import Operator, axes_of, int_list


def _shape(node: OnnxNode, values: Tensor) -> Tensor:
    start, end = node.attributes.get("start", 0), node.attributes.get("end")
    return torch.tensor(values.shape[start:end], dtype=torch.int64)


def _size(_node: OnnxNode, values: Tensor) -> Tensor:
    return torch.tensor(values.numel())


def _reshape(node: OnnxNode, values: Tensor, shape: Tensor) -> Tensor:
    keep_zeros = node.attributes.get("allowzero", 0)
    wanted = [values.shape[i] if side == 0 and not keep_zeros else side for i, side in enumerate(int_list(shape))]
    return values.reshape(wanted)


def _expand(_node: OnnxNode, values: Tensor, shape: Tensor) -> Tensor:
    return values.expand(torch.broadcast_shapes(values.shape, int_list(shape)))  # type: ignore[no-untyped-call]


def _tile(_node: OnnxNode, values: Tensor, times: Tensor) -> Tensor:
    return values.tile(int_list(times))


def _transpose(node: OnnxNode, values: Tensor) -> Tensor:
    return values.permute(node.attributes.get("perm", tuple(reversed(range(values.dim())))))


def _squeeze(_node: OnnxNode, values: Tensor, axes: Tensor | None = None) -> Tensor:
    return values.squeeze() if axes is None else values.squeeze(tuple(int_list(axes)))


def _unsqueeze(_node: OnnxNode, values: Tensor, axes: Tensor) -> Tensor:
    dims = values.dim() + len(axes)
    for axis in sorted(axis % dims for axis in int_list(axes)):
        values = values.unsqueeze(axis)
    return values


def _concat(node: OnnxNode, *values: Tensor) -> Tensor:
    return torch.cat(values, node.attributes["axis"])


def _split(node: OnnxNode, values: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    axis = node.attributes.get("axis", 0)
    even = math.ceil(values.shape[axis] / len(node.outputs))
    return tuple(torch.split(values, even if sizes is None else int_list(sizes), axis))


def _slice(
    _node: OnnxNode,
    values: Tensor,
    starts: Tensor,
    ends: Tensor,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    along = int_list(axes) or range(len(starts))
    strides = int_list(steps) or [1] * len(starts)
    for axis, start, end, stride in zip(along, int_list(starts), int_list(ends), strides, strict=True):
        taken = range(*slice(start, end, stride).indices(values.shape[axis]))
        if stride == 1:
            values = values.narrow(axis, taken.start, len(taken))
        else:
            values = values.index_select(axis, torch.arange(taken.start, taken.stop, stride, device=values.device))
    return values


def _gather(node: OnnxNode, values: Tensor, indices: Tensor) -> Tensor:
    axis = node.attributes.get("axis", 0) % values.dim()
    flat = indices.reshape(-1)
    taken = values.index_select(axis, torch.where(flat < 0, flat + values.shape[axis], flat))
    return taken.reshape(*values.shape[:axis], *indices.shape, *values.shape[axis + 1 :])


def _gather_nd(node: OnnxNode, values: Tensor, indices: Tensor) -> Tensor:
    batch_dims = node.attributes.get("batch_dims", 0)
    lengths = indices.shape[:batch_dims]
    own = [  # the batch of each index
        torch.arange(n, device=values.device).reshape([-1 if i == axis else 1 for i in range(indices.dim() - 1)])
        for axis, n in enumerate(lengths)
    ]
    return values[(*own, *indices.unbind(-1))]


def _range(_node: OnnxNode, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    return torch.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


def _top_k(node: OnnxNode, values: Tensor, count: Tensor) -> tuple[Tensor, ...]:
    axis, largest = node.attributes.get("axis", -1), bool(node.attributes.get("largest", 1))
    return tuple(values.topk(int(count.item()), axis, largest))


def _pad(
    node: OnnxNode, values: Tensor, pads: Tensor, fill: Tensor | None = None, axes: Tensor | None = None
) -> Tensor:
    mode = node.attributes.get("mode", b"constant")
    if mode not in (b"constant", b"edge"):
        raise NotImplementedError(f"Pad {mode!r}")
    dims = axes_of(node, axes, values.dim())
    sides = int_list(pads)
    before, after = dict(zip(dims, sides, strict=False)), dict(zip(dims, sides[len(dims) :], strict=True))
    if node.attributes.get("mode", b"constant") == b"edge":
        for axis in dims:
            steps = torch.arange(-before[axis], values.shape[axis] + after[axis], device=values.device)
            values = values.index_select(axis, steps.clamp(0, values.shape[axis] - 1))
        return values
    last_first = [n for axis in reversed(range(values.dim())) for n in (before.get(axis, 0), after.get(axis, 0))]
    return functional.pad(values, last_first, value=0 if fill is None else fill.item())


def _depth_to_space(node: OnnxNode, values: Tensor) -> Tensor:
    size = node.attributes["blocksize"]
    if node.attributes.get("mode", b"DCR") == b"CRD":
        return functional.pixel_shuffle(values, size)
    count, channels, height, width = values.shape
    blocks = values.reshape(count, size, size, channels // size**2, height, width)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(count, channels // size**2, height * size, width * size)


OPERATORS: Mapping[str, Operator] = {
    "Concat": Operator(_concat, attributes="axis"),
    "DepthToSpace": Operator(_depth_to_space, attributes="blocksize mode"),
    "Expand": Operator(_expand, host_inputs=(1,)),
    "Gather": Operator(_gather, attributes="axis"),
    "GatherND": Operator(_gather_nd, attributes="batch_dims"),
    "Pad": Operator(_pad, host_inputs=(1, 2, 3), attributes="mode"),
    "Range": Operator(_range, host_inputs=(0, 1, 2)),
    "Reshape": Operator(_reshape, host_inputs=(1,), attributes="allowzero"),
    "Shape": Operator(_shape, of_shape=True, attributes="end start"),
    "Size": Operator(_size, of_shape=True),
    "Slice": Operator(_slice, host_inputs=(1, 2, 3, 4)),
    "Split": Operator(_split, host_inputs=(1,), attributes="axis num_outputs"),
    "Squeeze": Operator(_squeeze, host_inputs=(1,)),
    "Tile": Operator(_tile, host_inputs=(1,)),
    "TopK": Operator(_top_k, host_inputs=(1,), attributes="axis largest"),
    "Transpose": Operator(_transpose, attributes="perm"),
    "Unsqueeze": Operator(_unsqueeze, host_inputs=(1,)),
}
