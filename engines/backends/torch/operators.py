"""What an ONNX operator is in torch. The tables beside this file hold all that the networks are made of.

Semantics are those of the ONNX operator schemas, opset 11 to 20.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from torch import Tensor

from posestream.engines.backends.torch.nodes import OnnxNode

Run: TypeAlias = Callable[..., Tensor | tuple[Tensor, ...]]
"""Takes the node and its inputs, None where one is left out."""


class Operator(NamedTuple):
    """`settings` are the inputs that say how, not what: they lie in host memory, and do not depend on the images.

    `of_shape`: what comes out depends on the shape of the inputs alone, and lies in host memory too. `heeds` are the
    attributes that it goes by, in one string.
    """

    run: Run
    settings: tuple[int, ...] = ()
    of_shape: bool = False
    heeds: str = ""

    def ignored(self, node: OnnxNode) -> list[str]:
        """The attributes of a node that ask for what this does not do."""
        others = {name: value for name, value in node.attributes.items() if name not in self.heeds.split()}
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
"""Values of attributes that ask for nothing."""


def whole_numbers(values: Tensor | None) -> list[int]:
    """The content of a setting of integers; empty where it is left out."""
    return [] if values is None else [int(value) for value in values.tolist()]


def axes_of(node: OnnxNode, axes: Tensor | None, dims: int) -> list[int]:
    """The axes that an operator works on: an input since opset 13 or 18, before that an attribute; else all."""
    given = node.attributes.get("axes") if axes is None else whole_numbers(axes)
    return [axis % dims for axis in given] if given else list(range(dims))
