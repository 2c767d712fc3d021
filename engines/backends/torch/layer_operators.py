"""ONNX operators that are layers of networks, in torch; images are NCHW."""

from collections.abc import Mapping, Sequence

from torch import Tensor
from torch.nn import functional

from posestream.engines.backends.torch.nodes import OnnxNode
from posestream.engines.backends.torch.operators import Operator


def _convolution(node: OnnxNode, images: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    strides, dilations = _pair(node, "strides"), _pair(node, "dilations")
    images, pads = _padded(node, images, list(weight.shape[2:]), 0.0)
    return functional.conv2d(images, weight, bias, strides, pads, dilations, node.attributes.get("group", 1))


def _transposed(node: OnnxNode, images: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    top, left, bottom, right = node.attributes.get("pads", [0] * 4)
    extra = node.attributes.get("output_padding", [0, 0])
    # torch crops both ends alike: a difference between ONNX's pads is output padding.
    over = [extra[0] + top - bottom, extra[1] + left - right]
    groups, dilations = node.attributes.get("group", 1), _pair(node, "dilations")
    strides = _pair(node, "strides")
    return functional.conv_transpose2d(images, weight, bias, strides, [top, left], over, groups, dilations)


def _max_pool(node: OnnxNode, images: Tensor) -> Tensor:
    kernel = list(node.attributes["kernel_shape"])
    images, pads = _padded(node, images, kernel, float("-inf"))
    ceil = bool(node.attributes.get("ceil_mode", 0))
    return functional.max_pool2d(images, kernel, _pair(node, "strides"), pads, _pair(node, "dilations"), ceil)


def _average_pool(node: OnnxNode, images: Tensor) -> Tensor:
    kernel, strides = list(node.attributes["kernel_shape"]), _pair(node, "strides")
    counts_padding = bool(node.attributes.get("count_include_pad", 0))
    top, left, bottom, right = _pads(node, images, kernel)
    if (top, left) != (bottom, right):
        raise NotImplementedError("AveragePool with unequal pads")
    ceil = bool(node.attributes.get("ceil_mode", 0))
    return functional.avg_pool2d(images, kernel, strides, (top, left), ceil, counts_padding)


def _normalised(node: OnnxNode, images: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    epsilon = node.attributes.get("epsilon", 1e-5)
    return functional.batch_norm(images, mean, variance, scale, shift, training=False, eps=epsilon)


def _resized(
    node: OnnxNode, images: Tensor, _region: Tensor | None, scales: Tensor | None = None, sizes: Tensor | None = None
) -> Tensor:
    """The modes that the networks use; raises NotImplementedError for others."""
    mode = node.attributes.get("mode", b"nearest")
    places = node.attributes.get("coordinate_transformation_mode", b"half_pixel")
    rounds = node.attributes.get("nearest_mode", b"round_prefer_floor") if mode == b"nearest" else None
    if (mode, places, rounds) not in _RESIZES:
        raise NotImplementedError(f"Resize {mode!r} with {places!r}")
    if sizes is not None:
        to = [int(side) for side in sizes.tolist()]
    else:
        assert scales is not None, "Resize has neither sizes nor scales"
        to = [int(n * scale) for n, scale in zip(images.shape, scales.tolist(), strict=True)]
    kind, corners = _RESIZES[mode, places, rounds]
    return functional.interpolate(images, to[2:], mode=kind, align_corners=corners)


_RESIZES: Mapping[tuple[bytes, bytes, bytes | None], tuple[str, bool | None]] = {
    (b"linear", b"align_corners", None): ("bilinear", True),
    (b"linear", b"half_pixel", None): ("bilinear", False),
    (b"nearest", b"asymmetric", b"floor"): ("nearest", None),
}


def _grid_sample(node: OnnxNode, images: Tensor, grid: Tensor) -> Tensor:
    mode = {b"linear": "bilinear", b"bilinear": "bilinear", b"nearest": "nearest"}[
        node.attributes.get("mode", b"linear")
    ]
    edge = node.attributes.get("padding_mode", b"zeros").decode()
    return functional.grid_sample(images, grid, mode, edge, align_corners=bool(node.attributes.get("align_corners", 0)))


def _gemm(node: OnnxNode, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    left = a.mT if node.attributes.get("transA") else a
    right = b.mT if node.attributes.get("transB") else b
    product = (left @ right) * float(node.attributes.get("alpha", 1.0))
    return product if c is None else product + c * float(node.attributes.get("beta", 1.0))


def _matmul(_node: OnnxNode, a: Tensor, b: Tensor) -> Tensor:
    return a @ b


def _pair(node: OnnxNode, attribute: str) -> list[int]:
    return list(node.attributes.get(attribute, (1, 1)))


def _padded(node: OnnxNode, images: Tensor, kernel: Sequence[int], value: float) -> tuple[Tensor, list[int]]:
    """Images padded here where pads differ between sides, which torch's layers cannot do; and the pads left to them."""
    top, left, bottom, right = _pads(node, images, kernel)
    if (top, left) == (bottom, right):
        return images, [top, left]
    return functional.pad(images, (left, right, top, bottom), value=value), [0, 0]


def _pads(node: OnnxNode, images: Tensor, kernel: Sequence[int]) -> tuple[int, int, int, int]:
    """Pads at top, left, bottom and right."""
    auto = node.attributes.get("auto_pad", b"NOTSET")
    if auto == b"NOTSET":
        top, left, bottom, right = node.attributes.get("pads", [0] * 4)
        return top, left, bottom, right
    if auto == b"VALID":
        return 0, 0, 0, 0
    ends = []
    for n, size, stride, dilation in zip(
        images.shape[2:], kernel, _pair(node, "strides"), _pair(node, "dilations"), strict=True
    ):
        whole = max((-(-n // stride) - 1) * stride + (size - 1) * dilation + 1 - n, 0)
        smaller = whole // 2
        ends.append((smaller, whole - smaller) if auto == b"SAME_UPPER" else (whole - smaller, smaller))
    return ends[0][0], ends[1][0], ends[0][1], ends[1][1]


OPERATORS: Mapping[str, Operator] = {
    "AveragePool": Operator(_average_pool, attributes="auto_pad ceil_mode count_include_pad kernel_shape pads strides"),
    "BatchNormalization": Operator(_normalised, attributes="epsilon momentum"),
    "Conv": Operator(_convolution, attributes="auto_pad dilations group kernel_shape pads strides"),
    "ConvTranspose": Operator(_transposed, attributes="dilations group kernel_shape output_padding pads strides"),
    "Gemm": Operator(_gemm, attributes="alpha beta transA transB"),
    "GridSample": Operator(_grid_sample, attributes="align_corners mode padding_mode"),
    "MatMul": Operator(_matmul),
    "MaxPool": Operator(_max_pool, attributes="auto_pad ceil_mode dilations kernel_shape pads strides"),
    "Resize": Operator(_resized, host_inputs=(1, 2, 3), attributes="coordinate_transformation_mode mode nearest_mode"),
}
