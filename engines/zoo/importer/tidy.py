"""Optimises a written ONNX graph without changing its results."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator


def fold_constants(
    nodes: Sequence[NodeProto], initialisers: Mapping[str, TensorProto], opset: int
) -> tuple[list[NodeProto], dict[str, TensorProto]]:
    """Evaluates the nodes that depend on constants alone; nodes are in topological order."""
    constants, varying = dict(initialisers), []
    for node in nodes:
        if any(name and name not in constants for name in node.input):
            varying.append(node)
            continue
        for name, array in zip(node.output, _run(node, constants, opset), strict=True):
            constants[name] = numpy_helper.from_array(np.asarray(array), name)
    return varying, constants


def _run(node: NodeProto, constants: Mapping[str, TensorProto], opset: int) -> Sequence[Any]:
    results = [helper.make_empty_tensor_value_info(name) for name in node.output]
    operands = [constants[name] for name in node.input if name]
    graph = helper.make_graph([node], "constant", [], results, operands)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    return list(ReferenceEvaluator(model).run(None, {}))


def fold_pads(
    nodes: Sequence[NodeProto], initialisers: Mapping[str, TensorProto], outputs: Sequence[str]
) -> list[NodeProto]:
    """Folds a Pad with zeros into the convolutions that read it, where only unpadded convolutions do."""
    readers: dict[str, list[NodeProto]] = {}
    for node in nodes:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    folded = []
    for node in nodes:
        amounts = _zeros_around(node, initialisers)
        users = readers.get(node.output[0], [])
        foldable = users and node.output[0] not in outputs and all(_unpadded_conv(u, node.output[0]) for u in users)
        if amounts is None or not foldable:
            folded.append(node)
            continue
        for user in users:
            user.input[0] = node.input[0]
            user.attribute.append(helper.make_attribute("pads", amounts))
    return folded


def _zeros_around(node: NodeProto, initialisers: Mapping[str, TensorProto]) -> list[int] | None:
    """The pads of a node that pads height and width with zeros; None for any other node."""
    if node.op_type != "Pad" or len(node.input) > 2 or node.attribute or node.input[1] not in initialisers:
        return None
    amounts = numpy_helper.to_array(initialisers[node.input[1]]).tolist()
    if len(amounts) != 8 or amounts[:2] + amounts[4:6] != [0] * 4 or min(amounts) < 0:
        return None
    return [*amounts[2:4], *amounts[6:8]]


def _unpadded_conv(node: NodeProto, image: str) -> bool:
    padding = {attribute.name for attribute in node.attribute} & {"pads", "auto_pad"}
    return node.op_type == "Conv" and node.input[0] == image and image not in node.input[1:] and not padding


def scale_resizes(model: ModelProto) -> None:
    """Replaces the sizes of a Resize by scales where both are constant: then no shape is computed at run time."""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    shapes = {info.name: _shape(info) for info in [*inferred.value_info, *inferred.input, *inferred.output]}
    for node in model.graph.node:
        if node.op_type != "Resize" or len(node.input) < 4:
            continue
        before, after = shapes.get(node.input[0], [])[2:], shapes.get(node.output[0], [])[2:]
        if before and after and all(before) and all(after):
            scales = np.array([1, 1, *(b / a for a, b in zip(before, after, strict=True))], np.float32)
            name = f"{node.name}/scales"
            model.graph.initializer.append(numpy_helper.from_array(scales, name))
            node.input[:] = [node.input[0], "", name]
    names = [output.name for output in model.graph.output]
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes, constants = without_unused(model.graph.node, constants, names)
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(constants.values())


def _shape(info: onnx.ValueInfoProto) -> list[int]:
    """Sizes of the axes, 0 where unknown."""
    return [dim.dim_value for dim in info.type.tensor_type.shape.dim]


def without_unused(
    nodes: Sequence[NodeProto], initialisers: Mapping[str, TensorProto], outputs: Sequence[str]
) -> tuple[list[NodeProto], dict[str, TensorProto]]:
    """The nodes and initialisers that the outputs depend on."""
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    return kept[::-1], {name: tensor for name, tensor in initialisers.items() if name in needed}
