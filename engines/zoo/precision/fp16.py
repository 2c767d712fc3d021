"""fp16 networks, for GPUs: TensorRT 11 and RTX convert nothing themselves, they run a network in the types that it has.

float32 images become float16, and so does everything up to the last convolutions. The nodes after those
(`engines.zoo.precision.last_layers`) and the outputs stay float32.
"""

import warnings
from collections.abc import Collection, Set
from pathlib import Path
from typing import Any

import onnx

from posestream.engines.spec import ModelSpec
from posestream.engines.toposort import toposort
from posestream.engines.zoo.precision.last_layers import after_last_convolution
from posestream.engines.zoo.store import artifacts

_CONVERSION = 3  # raised with each change to the conversion: older files are then made again


def path_of(spec: ModelSpec, onnx_path: Path) -> Path:
    """The ONNX file of the fp16 version of the network at `onnx_path`; made in seconds where the cache has none."""
    name, recipe = f"{spec.name}.fp16", artifacts.derived_recipe(onnx_path, _CONVERSION)
    return artifacts.lookup_or_make(
        name, recipe, lambda _: artifacts.store_derived(name, _converted(spec, onnx.load(onnx_path)), recipe)
    )


def _converted(spec: ModelSpec, model: onnx.ModelProto) -> onnx.ModelProto:
    from onnxruntime.transformers.float16 import convert_float_to_float16  # imports all of its registry of operators

    nodes = {node.name for node in model.graph.node}
    outputs = [output.name for output in spec.outputs]
    float32_nodes = after_last_convolution(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about weights near zero that become the smallest float16
        fp16: Any = convert_float_to_float16(model, keep_io_types=outputs, node_block_list=float32_nodes)
    assert isinstance(fp16, onnx.ModelProto)
    _remove_round_trips(fp16.graph, nodes)
    return fp16


def _remove_round_trips(graph: onnx.GraphProto, original: Set[str]) -> None:
    """Removes the converter's casts that only round, between nodes that stay float32, or that change nothing.

    The converter casts the outputs of every float32 node to float16, and its inputs back:

        Conv ─▶ Cast(32) ─▶ Sqrt ─▶ Cast(16) ─▶ Cast(32) ─▶ Mul ─▶ Cast(16) ─▶ Cast(32) = output

    Left are the casts after float16 nodes; a graph output keeps its name:

        Conv ─▶ Cast(32) ─▶ Sqrt ─▶ Mul ─▶ Identity = output

    Casts to float32 of weights that stayed float32 go too. `original` are the names of the network's own nodes, whose
    casts stay.
    """
    casts = {node.output[0]: node for node in graph.node if node.op_type == "Cast" and node.name not in original}
    float32_weights = {each.name for each in graph.initializer if each.data_type == onnx.TensorProto.FLOAT}
    source: dict[str, str] = {}  # output of a removable cast to float32 -> the float32 tensor that it comes from
    for name, cast in casts.items():
        if _target_type(cast) != onnx.TensorProto.FLOAT:
            continue
        before = casts.get(cast.input[0])
        if before is not None and _target_type(before) == onnx.TensorProto.FLOAT16:
            source[name] = before.input[0]
        elif cast.input[0] in float32_weights:
            source[name] = cast.input[0]
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = source.get(name, name)
    outputs = {output.name for output in graph.output}
    for name in outputs & source.keys():
        casts[name].op_type, casts[name].input[0] = "Identity", source[name]
        del casts[name].attribute[:]
    _drop_unused_casts(graph, casts, outputs)
    del graph.value_info[:]  # the converter's, which declares some float32 tensors as float16


def _drop_unused_casts(graph: onnx.GraphProto, casts: Collection[str], outputs: Set[str]) -> None:
    """Drops the nodes of the outputs `casts` that nothing reads, and sorts the others topologically."""
    order = toposort([node.input for node in graph.node], [node.output for node in graph.node])
    read, kept = set(outputs), []
    for node in reversed([graph.node[i] for i in order]):
        if node.output[0] not in casts or node.output[0] in read:
            read.update(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))


def _target_type(cast: onnx.NodeProto) -> int:
    return int(next((attribute.i for attribute in cast.attribute if attribute.name == "to"), 0))
