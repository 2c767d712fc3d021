"""An ONNX file as sorted nodes and constants, for torch, which has no reader for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.toposort import toposort

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One operation. An omitted input has the name ""."""

    operator: str
    attributes: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OnnxGraph:
    """A network with one input; nodes are in topological order."""

    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, NDArray[Any]]
    input: str
    input_dtype: np.dtype[Any]
    outputs: tuple[str, ...]


def read(path: Path) -> OnnxGraph:
    """The network at `path`. Raises OSError where it cannot be read, ValueError where it is no ONNX file."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        return nodes_of(onnx.load(path))
    except DecodeError as error:
        raise ValueError(f"no ONNX file: {error}") from None


def nodes_of(model: "onnx.ModelProto") -> OnnxGraph:
    """The network of an ONNX model with one input."""
    from onnx import helper, numpy_helper

    constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        if node.op_type == "Constant":
            constants[node.output[0]] = numpy_helper.to_array(attributes["value"])
        else:
            nodes.append(OnnxNode(node.op_type, attributes, tuple(node.input), tuple(node.output)))
    images = next(each for each in model.graph.input if each.name not in constants)
    dtype = helper.tensor_dtype_to_np_dtype(images.type.tensor_type.elem_type)
    order = toposort([node.inputs for node in nodes], [node.outputs for node in nodes])
    outputs = tuple(each.name for each in model.graph.output)
    return OnnxGraph(tuple(nodes[i] for i in order), constants, images.name, dtype, outputs)
