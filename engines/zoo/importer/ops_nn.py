"""TensorFlow's image operations in ONNX: convolutions, pooling, resizing, padding.

Semantics: https://www.tensorflow.org/api_docs/python/tf/raw_ops and https://onnx.ai/onnx/operators.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from posestream.engines.exceptions import ImportModelError
from posestream.engines.zoo.importer.graph import TfNode
from posestream.engines.zoo.importer.translation import Handler
from posestream.engines.zoo.importer.writer import Value, Writer, known


def conv(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    """Conv2D and _FusedConv2D; the kernel is HWIO."""
    kernel = known(inputs[1], "the kernel").transpose(3, 2, 0, 1)
    return _convolve(node, inputs, kernel, 1, out)


def depthwise(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    """DepthwiseConv2dNative and its fused form; the kernel is HWIM, M outputs for each of I channels."""
    height, width, channels, multiplier = known(inputs[1], "the kernel").shape
    kernel = known(inputs[1], "the kernel").transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
    return _convolve(node, inputs, kernel, channels, out)


def _convolve(node: TfNode, inputs: Sequence[Value], kernel: Any, group: int, out: Writer) -> list[Value]:
    fused = list(node.attrs.get("fused_ops", ()))
    operands = [out.nchw(inputs[0]), out.constant(kernel)]
    if fused and fused[0] == "BiasAdd":
        operands.append(out.tensor(inputs[2]))
        del fused[0]
    strides, dilations = _spatial(node, "strides"), _spatial(node, "dilations")
    window = [(size - 1) * step + 1 for size, step in zip(kernel.shape[2:], dilations, strict=True)]
    tensor = out.emit("Conv", *operands, group=group, strides=strides, dilations=dilations, **_padding(node, window))
    for activation in fused:
        if activation not in ACTIVATIONS:
            raise ImportModelError(f"a convolution is fused with {activation}, which is not known here")
        tensor = ACTIVATIONS[activation](tensor, node, out)
    return [Value(tensor, channels_first=True)]


def max_pool(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    window = _spatial(node, "ksize")
    pads = _padding(node, window)
    image = out.nchw(inputs[0])
    tensor = out.emit("MaxPool", image, kernel_shape=window, strides=_spatial(node, "strides"), **pads)
    return [Value(tensor, channels_first=True)]


def _spatial(node: TfNode, attr: str) -> list[int]:
    """The height and width entries of a list attribute, whose batch and channel entries are 1."""
    if node.attrs.get("data_format", "NHWC") != "NHWC":
        raise ImportModelError(f"{node.name}: data format {node.attrs['data_format']} is not known here")
    batch, height, width, channels = node.attrs.get(attr) or (1, 1, 1, 1)
    if (batch, channels) != (1, 1):
        raise ImportModelError(f"{node.name}: {attr} {node.attrs[attr]} reach beyond height and width")
    return [height, width]


def _padding(node: TfNode, window: Sequence[int]) -> dict[str, Any]:
    """SAME is constant for odd windows at stride 1, and otherwise depends on the image's size."""
    kind = node.attrs["padding"]
    if kind == "VALID":
        return {}
    if kind != "SAME":
        raise ImportModelError(f"{node.name}: padding {kind} is not known here")
    if _spatial(node, "strides") == [1, 1] and all(size % 2 for size in window):
        return {"pads": [size // 2 for size in window] * 2}
    return {"auto_pad": "SAME_UPPER"}


def resize_bilinear(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    if node.attrs.get("align_corners"):
        mode = "align_corners"
    else:
        mode = "half_pixel" if node.attrs.get("half_pixel_centers") else "asymmetric"
    image = out.nchw(inputs[0])
    batch_and_channels = out.emit("Slice", out.emit("Shape", image), out.ints(0), out.ints(2))
    sizes = out.emit("Concat", batch_and_channels, out.int64(inputs[1]), axis=0)
    omitted = ""
    tensor = out.emit(
        "Resize",
        image,
        omitted,
        omitted,
        sizes,
        mode="linear",
        coordinate_transformation_mode=mode,
        nearest_mode="floor",
    )
    return [Value(tensor, channels_first=True)]


def bias_add(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    (image, bias), first = out.aligned(inputs)
    return [Value(out.emit("Add", image, bias), first)]


def pad(_node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    """Pad and PadV2: (axes, 2) amounts, before and after."""
    amounts = known(inputs[1], "the padding")
    if inputs[0].channels_first:
        amounts = amounts[[0, 3, 1, 2]]
    value = [out.tensor(inputs[2])] if len(inputs) > 2 else []
    tensor = inputs[0].tensor if inputs[0].channels_first else out.tensor(inputs[0])
    return [Value(out.emit("Pad", tensor, out.ints(*amounts.T.ravel().tolist()), *value), inputs[0].channels_first)]


def _relu6(tensor: str, _node: TfNode, out: Writer) -> str:
    return out.emit("Clip", tensor, out.constant(0, np.float32), out.constant(6, np.float32))


def _leaky_relu(tensor: str, node: TfNode, out: Writer) -> str:
    return out.emit("LeakyRelu", tensor, alpha=node.attrs.get("alpha", node.attrs.get("leakyrelu_alpha", 0.2)))


ACTIVATIONS: Mapping[str, Any] = {
    "Relu": lambda tensor, _, out: out.emit("Relu", tensor),
    "Relu6": _relu6,
    "LeakyRelu": _leaky_relu,
    "Sigmoid": lambda tensor, _, out: out.emit("Sigmoid", tensor),
}


def activation(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    (tensor,), first = out.aligned(inputs)
    return [Value(ACTIVATIONS[node.op](tensor, node, out), first)]


OPS: Mapping[str, Handler] = {
    "Conv2D": conv,
    "_FusedConv2D": conv,
    "DepthwiseConv2dNative": depthwise,
    "FusedDepthwiseConv2dNative": depthwise,
    "MaxPool": max_pool,
    "ResizeBilinear": resize_bilinear,
    "BiasAdd": bias_add,
    "Pad": pad,
    "PadV2": pad,
    **dict.fromkeys(ACTIVATIONS, activation),
}
