"""Where a network stops being one: what comes after its last convolution, and makes joints of maps.

That part is arithmetic of places. In halves it would have no whole numbers above 2048, in eight bits not even the
cells of a map; so networks of less precision keep it as it is.
"""

from collections.abc import Iterable

import onnx

_CONVOLUTIONS = ("Conv", "ConvTranspose")


def after_the_last(model: onnx.ModelProto) -> list[str]:
    """The names of all nodes that lead to no convolution; nodes without a name get one."""
    ahead: set[str] = set()  # tensors that a convolution rests on
    behind = []
    for number, node in reversed(list(enumerate(model.graph.node))):
        node.name = node.name or f"{node.op_type}_{number}"
        if node.op_type in _CONVOLUTIONS or ahead.intersection(node.output):
            ahead.update(_tensors(node.input))
        else:
            behind.append(node.name)
    return behind


def _tensors(names: Iterable[str]) -> list[str]:
    return [name for name in names if name]  # an input that is left out has no name
