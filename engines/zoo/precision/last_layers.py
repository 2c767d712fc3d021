"""The nodes after a network's last convolutions, which turn maps into joints.

They compute positions. In float16, integers above 2048 are not exact, and in int8 not even the cells of a map; so
networks of lower precision keep these nodes in float32.
"""

from collections.abc import Iterable

import onnx

_CONVOLUTIONS = ("Conv", "ConvTranspose")


def after_last_convolution(model: onnx.ModelProto) -> list[str]:
    """The names of all nodes whose outputs reach no convolution; nodes without a name get one."""
    read_by_convolutions: set[str] = set()  # tensors that reach a convolution
    after = []
    for number, node in reversed(list(enumerate(model.graph.node))):
        node.name = node.name or f"{node.op_type}_{number}"
        if node.op_type in _CONVOLUTIONS or read_by_convolutions.intersection(node.output):
            read_by_convolutions.update(_names(node.input))
        else:
            after.append(node.name)
    return after


def _names(inputs: Iterable[str]) -> list[str]:
    return [name for name in inputs if name]  # an omitted input has the name ""
