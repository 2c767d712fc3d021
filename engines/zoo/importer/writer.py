"""Writes ONNX nodes, and tracks each tensor's order of axes.

TensorFlow's convolutions take NHWC, ONNX's NCHW. Instead of a Transpose before and behind each of them, a value may be
`channels_first`: NHWC in the TensorFlow graph, NCHW in the ONNX tensor. It is transposed only where an operation needs
TensorFlow's order.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from posestream.engines.exceptions import ImportModelError

TO_NCHW, TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


class Value(NamedTuple):
    """A value of the TensorFlow graph: an ONNX tensor, or a constant without a tensor yet."""

    tensor: str
    channels_first: bool = False
    constant: NDArray[Any] | None = None


class Writer:
    """Collects nodes and initialisers. `scope`, the node being translated, is the prefix of new tensors' names."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.initialisers: dict[str, TensorProto] = {}
        self.scope = ""
        self._names: dict[str, int] = {}
        self._nhwc: dict[str, str] = {}

    def emit(self, op: str, *inputs: str, **attrs: Any) -> str:
        """Adds a node with one output, and returns its name."""
        return self.emit_many(op, inputs, 1, **attrs)[0]

    def emit_many(self, op: str, inputs: Sequence[str], outputs: int, **attrs: Any) -> list[str]:
        """Adds a node with several outputs, and returns their names."""
        names = [self._fresh(op) for _ in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, names[0], **attrs))
        return names

    def constant(self, array: Any, dtype: Any = None) -> str:
        """A new tensor with the values of `array`."""
        name = self._fresh("constant")
        values = np.asarray(array, dtype)
        self.initialisers[name] = numpy_helper.from_array(np.require(values, requirements="C"), name)
        return name

    def ints(self, *values: int) -> str:
        """A one-dimensional int64 tensor, ONNX's type of shapes, axes and sizes."""
        return self.constant(values, np.int64)

    def tensor(self, value: Value) -> str:
        """The tensor of `value` with its axes in TensorFlow's order."""
        if value.constant is not None:
            return self.constant(value.constant)
        if not value.channels_first:
            return value.tensor
        if value.tensor not in self._nhwc:
            self._nhwc[value.tensor] = self.emit("Transpose", value.tensor, perm=TO_NHWC)
        return self._nhwc[value.tensor]

    def nchw(self, value: Value) -> str:
        """The tensor of a four-dimensional image `value` stored as NCHW."""
        if value.channels_first:
            return value.tensor
        return self.emit("Transpose", self.tensor(value), perm=TO_NCHW)

    def int64(self, value: Value) -> str:
        """The tensor of an integer `value` as int64, ONNX's type of shapes, axes and indices."""
        if value.constant is not None:
            return self.constant(value.constant, np.int64)
        return self.emit("Cast", self.tensor(value), to=TensorProto.INT64)

    def aligned(self, values: Sequence[Value]) -> tuple[list[str], bool]:
        """The tensors of operands that broadcast, all in the same order of axes, and whether that is channels first."""
        varying = [value for value in values if value.constant is None]
        if not varying or not all(value.channels_first for value in varying):
            return [self.tensor(value) for value in values], False
        return [v.tensor if v.constant is None else self.constant(_channels_first(v.constant)) for v in values], True

    def _fresh(self, op: str) -> str:
        base = f"{self.scope}/{op}" if self.scope else op
        count = self._names[base] = self._names.get(base, -1) + 1
        return f"{base}_{count}" if count else base


def _channels_first(constant: NDArray[Any]) -> NDArray[Any]:
    """A constant that broadcasts against NHWC, for broadcasting against NCHW."""
    if constant.size == 1 and constant.ndim <= 4:
        return constant.reshape(())
    if constant.ndim > 4:
        raise ImportModelError(f"a constant of {constant.ndim} axes meets an image")
    return constant.reshape((1,) * (4 - constant.ndim) + constant.shape).transpose(TO_NCHW)


def known(value: Value, what: str) -> NDArray[Any]:
    """The array behind `value`. Raises ImportModelError where it is known only when the network runs."""
    if value.constant is None:
        raise ImportModelError(f"{what} is not a constant")
    return value.constant
