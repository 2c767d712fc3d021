"""ONNX operators on elements, and reductions over axes, in torch."""

import operator
from collections.abc import Callable, Mapping
from functools import reduce

import torch
from torch import Tensor

from posestream.engines.backends.torch.nodes import OnnxNode
from posestream.engines.backends.torch.operators import Operator, axes_of

_DTYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 10: torch.float16}
"""Element types of `onnx.TensorProto` -> torch's."""


def _each(function: Callable[..., Tensor]) -> Operator:
    return Operator(lambda _node, *inputs: function(*inputs))


def _over_all(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def run(_node: OnnxNode, *inputs: Tensor) -> Tensor:
        return reduce(function, inputs)

    return Operator(run)


def _divided(values: Tensor, by: Tensor) -> Tensor:
    return torch.div(values, by, rounding_mode=None if values.is_floating_point() else "trunc")


def _cast(node: OnnxNode, values: Tensor) -> Tensor:
    return values.to(_DTYPES[node.attributes["to"]])


def _clip(_node: OnnxNode, values: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    return values.clamp(None if low is None else low.item(), None if high is None else high.item())


def _leaky_relu(node: OnnxNode, values: Tensor) -> Tensor:
    return torch.nn.functional.leaky_relu(values, node.attributes.get("alpha", 0.01))


def _elu(node: OnnxNode, values: Tensor) -> Tensor:
    return torch.nn.functional.elu(values, node.attributes.get("alpha", 1.0))


def _hard_sigmoid(node: OnnxNode, values: Tensor) -> Tensor:
    scale, shift = float(node.attributes.get("alpha", 0.2)), float(node.attributes.get("beta", 0.5))
    return (values * scale + shift).clamp(0, 1)


def _softmax(node: OnnxNode, values: Tensor) -> Tensor:
    return values.softmax(node.attributes.get("axis", -1))


def _argmax(node: OnnxNode, values: Tensor) -> Tensor:
    return values.argmax(node.attributes.get("axis", 0), keepdim=bool(node.attributes.get("keepdims", 1)))


def _reduced(function: Callable[..., Tensor]) -> Operator:
    def run(node: OnnxNode, values: Tensor, axes: Tensor | None = None) -> Tensor:
        result: Tensor = function(values, axes_of(node, axes, values.dim()), bool(node.attributes.get("keepdims", 1)))
        return result

    return Operator(run, host_inputs=(1,), attributes="axes keepdims")


def _length(values: Tensor, axes: list[int], keep: bool) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(values, dim=axes, keepdim=keep)
    return length


OPERATORS: Mapping[str, Operator] = {
    "Abs": _each(torch.abs),
    "Add": _each(operator.add),
    "And": _each(torch.logical_and),
    "ArgMax": Operator(_argmax, attributes="axis keepdims"),
    "Cast": Operator(_cast, attributes="to"),
    "Clip": Operator(_clip, host_inputs=(1, 2)),
    "Div": _each(_divided),
    "Elu": Operator(_elu, attributes="alpha"),
    "Equal": _each(torch.eq),
    "Exp": _each(torch.exp),
    "Greater": _each(torch.gt),
    "GreaterOrEqual": _each(torch.ge),
    "HardSigmoid": Operator(_hard_sigmoid, attributes="alpha beta"),
    "Identity": _each(lambda values: values),
    "LeakyRelu": Operator(_leaky_relu, attributes="alpha"),
    "Less": _each(torch.lt),
    "Max": _over_all(torch.maximum),
    "Min": _over_all(torch.minimum),
    "Mod": _each(torch.remainder),  # the sign of the divisor: ONNX's with fmod = 0
    "Mul": _each(operator.mul),
    "Neg": _each(torch.neg),
    "Pow": _each(torch.pow),
    "Reciprocal": _each(torch.reciprocal),
    "ReduceL2": _reduced(_length),
    "ReduceMax": _reduced(torch.amax),
    "ReduceMean": _reduced(torch.mean),
    "ReduceSum": _reduced(torch.sum),
    "Relu": _each(torch.relu),
    "Sigmoid": _each(torch.sigmoid),
    "Softmax": Operator(_softmax, attributes="axis"),
    "Sqrt": _each(torch.sqrt),
    "Sub": _each(operator.sub),
    "Sum": _over_all(torch.add),
    "Where": _each(torch.where),
}
