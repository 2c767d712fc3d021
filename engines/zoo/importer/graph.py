"""A TensorFlow graph without TensorFlow: made by both readers, translated by `to_onnx`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.exceptions import ImportModelError

Attr: TypeAlias = Any
"""int, float, bool, str, a tuple of these, numpy dtype, shape as tuple of int or None, or an array."""

DTYPES: Mapping[int, np.dtype[Any]] = {
    1: np.dtype(np.float32),
    2: np.dtype(np.float64),
    3: np.dtype(np.int32),
    4: np.dtype(np.uint8),
    9: np.dtype(np.int64),
    10: np.dtype(np.bool_),
    19: np.dtype(np.float16),
}
"""tensorflow/core/framework/types.proto, the types that the models use."""

DTYPE_NAMES: Mapping[str, int] = {
    "DT_FLOAT": 1,
    "DT_DOUBLE": 2,
    "DT_INT32": 3,
    "DT_UINT8": 4,
    "DT_INT64": 9,
    "DT_BOOL": 10,
    "DT_HALF": 19,
}


@dataclass(frozen=True, slots=True)
class TfNode:
    """One operation. An input is "node" or "node:k" for its k-th output; control inputs are omitted."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attrs: Mapping[str, Attr]


@dataclass(frozen=True, slots=True)
class TfGraph:
    """Operations by name, and the constants among them as arrays."""

    nodes: Mapping[str, TfNode]
    constants: Mapping[str, NDArray[Any]]

    def with_nodes(self, *nodes: TfNode) -> "TfGraph":
        """The same graph with some nodes added or replaced."""
        return replace(self, nodes={**self.nodes, **{node.name: node for node in nodes}})

    def in_order(self, tensors: Iterable[str]) -> list[TfNode]:
        """The nodes that `tensors` depend on, without constants, in topological order.

        Raises ImportModelError where an input is missing, or the graph has a loop.
        """
        needs: dict[str, list[str]] = {}
        pending = [producer(tensor) for tensor in tensors]
        while pending:
            name = pending.pop()
            if name in needs or name in self.constants:
                continue
            if name not in self.nodes:
                raise ImportModelError(f"the graph has no node {name!r}, which another one or an output needs")
            needs[name] = [p for p in map(producer, self.nodes[name].inputs) if p not in self.constants]
            pending.extend(needs[name])
        try:
            return [self.nodes[name] for name in TopologicalSorter(needs).static_order()]
        except CycleError as error:
            raise ImportModelError(f"the graph has a loop through node {error.args[1][0]!r}") from None


def producer(tensor: str) -> str:
    """The node that outputs `tensor`: "split:1" -> "split"."""
    return tensor.partition(":")[0]
