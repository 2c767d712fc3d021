"""Topological order of a network's nodes: ONNX asks it of a file, and not every converter keeps it."""

from collections.abc import Sequence
from graphlib import TopologicalSorter


def toposort(inputs: Sequence[Sequence[str]], outputs: Sequence[Sequence[str]]) -> list[int]:
    """The indices of nodes, each after the nodes whose outputs it reads; node i reads `inputs[i]`, writes `outputs[i]`.

    Raises graphlib.CycleError, a ValueError, where a node depends on itself.
    """
    producer = {name: node for node, names in enumerate(outputs) for name in names if name}
    needs = {node: [producer[name] for name in names if name in producer] for node, names in enumerate(inputs)}
    return list(TopologicalSorter(needs).static_order())
