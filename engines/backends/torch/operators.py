"""The description of an ONNX operator in torch; the tables of them lie in the files beside this one.

Semantics are those of the ONNX operator schemas, opset 11 to 20.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from torch import Tensor

from posestream.engines.backends.torch.nodes import OnnxNode

Run: TypeAlias = Callable[..., Tensor | tuple[Tensor, ...]]
"""Called with the node and its inputs, None for an omitted one."""


class Operator(NamedTuple):
    """`host_inputs`: indices of inputs that are parameters (shapes, axes, bounds), constant and in host memory.

    `of_shape`: the output depends only on the shapes of the inputs, and lies in host memory. `attributes`: names of the
    attributes that `run` implements, in one string.
    """

    run: Run
    host_inputs: tuple[int, ...] = ()
    of_shape: bool = False
    attributes: str = ""

    def unsupported(self, node: OnnxNode) -> list[str]:
        """The attributes of a node that `run` does not implement, unless their value is the neutral one."""
        others = {name: value for name, value in node.attributes.items() if name not in self.attributes.split()}
        return [f"{name} = {value!r}" for name, value in others.items() if _NEUTRAL.get(name, _NO_VALUE) != value]


_NO_VALUE = object()
_NEUTRAL: Mapping[str, Any] = {
    "antialias": 0,
    "auto_pad": b"NOTSET",
    "cubic_coeff_a": -0.75,
    "exclude_outside": 0,
    "extrapolation_value": 0.0,
    "fmod": 0,
    "keep_aspect_ratio_policy": b"stretch",
    "noop_with_empty_axes": 0,
    "select_last_index": 0,
    "sorted": 1,
    "storage_order": 0,
    "training_mode": 0,
}
"""Values of attributes that change nothing."""


def int_list(values: Tensor | None) -> list[int]:
    """The integers of a host input; empty where it is omitted."""
    return [] if values is None else [int(value) for value in values.tolist()]


def axes_of(node: OnnxNode, axes: Tensor | None, dims: int) -> list[int]:
    """The axes of an operator: an input since opset 13 or 18, an attribute before; all axes where neither is given."""
    given = node.attributes.get("axes") if axes is None else int_list(axes)
    return [axis % dims for axis in given] if given else list(range(dims))
