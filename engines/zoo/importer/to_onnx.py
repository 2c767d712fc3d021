"""Turns a graph into the ONNX file of a ModelSpec, with numpy and onnx alone."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from posestream.engines.exceptions import ImportModelError
from posestream.engines.spec import ModelSpec, TensorSpec
from posestream.engines.zoo.importer import ops_array, ops_math, ops_nn
from posestream.engines.zoo.importer.batching import free_batch
from posestream.engines.zoo.importer.graph import TfGraph, TfNode
from posestream.engines.zoo.importer.tidy import fold_constants, fold_pads, scale_resizes, without_unused
from posestream.engines.zoo.importer.translation import Handler
from posestream.engines.zoo.importer.writer import Value, Writer

OPSET = 17  # read by OpenVINO, ONNX Runtime and TensorRT from 8.6
IR_VERSION = 8  # of that opset; older runtimes refuse newer ones

OPS: Mapping[str, Handler] = {**ops_nn.OPS, **ops_math.OPS, **ops_array.OPS}


def translate(graph: TfGraph, tensors: Sequence[str], inputs: Mapping[str, str], out: Writer) -> list[Value]:
    """Writes the nodes that `tensors` of `graph` depend on, and returns the tensors' values.

    `inputs` maps placeholders to ONNX tensors. Raises ImportModelError, which names the node, for unknown ones.
    """
    made: dict[str, list[Value]] = {name: [Value(tensor)] for name, tensor in inputs.items()}
    made |= {name: [Value("", constant=array)] for name, array in graph.constants.items()}
    for node in graph.in_order(tensors):
        if node.name not in made:
            made[node.name] = _translate_node(node, [_pick(made, name) for name in node.inputs], out)
    out.scope = ""
    return [_pick(made, tensor) for tensor in tensors]


def _translate_node(node: TfNode, inputs: Sequence[Value], out: Writer) -> list[Value]:
    if node.op not in OPS:
        raise ImportModelError(f"node {node.name!r}: the operation {node.op} is not known to the importer")
    out.scope = node.name
    try:
        return OPS[node.op](node, inputs, out)
    except ImportModelError as e:
        raise ImportModelError(f"node {node.name!r} ({node.op}): {e}") from e


def _pick(made: Mapping[str, list[Value]], tensor: str) -> Value:
    name, _, output = tensor.partition(":")
    return made[name][int(output or 0)]


def build(spec: ModelSpec, out: Writer, outputs: Sequence[Value]) -> ModelProto:
    """The written network as a model: inputs and outputs named and shaped as in `spec`, optimised and checked.

    Raises ImportModelError where it is no valid ONNX.
    """
    for value, wanted in zip(outputs, spec.outputs, strict=True):
        out.nodes.append(helper.make_node("Identity", [out.tensor(value)], [wanted.name], wanted.name))
    return _model(spec, out.nodes, out.initialisers, OPSET, IR_VERSION)


def rebuild(spec: ModelSpec, published: ModelProto) -> ModelProto:
    """A published ONNX model with the inputs, outputs and batch axis of `spec`. Raises ImportModelError as `build`."""
    graph = published.graph
    names = [output.name for output in graph.output]
    nodes = list(graph.node)
    renamed = {spec.source.input: spec.input.tensor.name}
    for node in nodes:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    for name, wanted in zip(spec.source.outputs or names, spec.outputs, strict=True):
        nodes.append(helper.make_node("Identity", [name], [wanted.name], wanted.name))
    initialisers = {tensor.name: tensor for tensor in graph.initializer}
    return _model(spec, nodes, initialisers, published.opset_import[0].version, published.ir_version)


def _model(
    spec: ModelSpec, nodes: Sequence[NodeProto], initialisers: Mapping[str, TensorProto], opset: int, ir_version: int
) -> ModelProto:
    names = [output.name for output in spec.outputs]
    nodes, constants = fold_constants(_without_identities(nodes, names), initialisers, opset)
    if spec.batched:
        free_batch(nodes, constants)
    nodes, constants = without_unused(fold_pads(nodes, constants, names), constants, names)
    outputs = [value_info(output) for output in spec.outputs]
    graph = helper.make_graph(nodes, spec.name, [value_info(spec.input.tensor)], outputs, list(constants.values()))
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=ir_version, producer_name="posestream")
    try:
        scale_resizes(model)
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as e:
        raise ImportModelError(f"{spec.name}: the import is no valid ONNX: {e}") from e
    return model


def value_info(tensor: TensorSpec) -> ValueInfoProto:
    """The tensor as ONNX describes it; dynamic axes get names, batch axes all "N"."""
    sizes = [("N" if axis == 0 else f"{tensor.name}_{axis}") if n is None else n for axis, n in enumerate(tensor.shape)]
    return helper.make_tensor_value_info(tensor.name, helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype)), sizes)


def _without_identities(nodes: Sequence[NodeProto], outputs: Sequence[str]) -> list[NodeProto]:
    """Drops the last Identity nodes: their inputs get the names of the outputs."""
    produced = {name for node in nodes for name in node.output}
    renamed: dict[str, str] = {}
    kept = []
    for node in nodes:
        source = node.input[0] if node.op_type == "Identity" and node.output[0] in outputs else ""
        if source in produced and source not in renamed:
            renamed[source] = node.output[0]
        else:
            kept.append(node)
    for node in kept:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    return kept
