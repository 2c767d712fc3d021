"""fp16 forms of networks, for GPUs: TensorRT 11 and RTX halve nothing by themselves, they take a network as it is.

Images are halves where they were float32; so is all up to the last convolution. What makes joints of maps stays
float32 (`engines.zoo.precision.last_layers`), and so do the outputs.
"""

import warnings
from collections.abc import Set
from pathlib import Path
from typing import Any

import onnx

from posestream.engines.spec import ModelSpec
from posestream.engines.toposort import toposort
from posestream.engines.zoo.precision.last_layers import after_the_last
from posestream.engines.zoo.store import artifacts, cache

_MADE_BY = 3  # raised where networks are halved in another way: older ones are then made anew


def path_of(spec: ModelSpec, onnx_path: Path) -> Path:
    """The ONNX file of the fp16 form of the network at `onnx_path`, made in seconds where there is none yet."""
    name = f"{spec.name}.fp16"
    recipe = {"onnx_sha256": cache.sha256_of(onnx_path), "made_by": _MADE_BY}
    with cache.writing(), cache.lock(name):
        if there := artifacts.lookup(name, recipe).onnx:
            return there
        model = _halved(spec, onnx.load(onnx_path))
        return artifacts.store_derived(name, model, recipe)


def _halved(spec: ModelSpec, model: onnx.ModelProto) -> onnx.ModelProto:
    from onnxruntime.transformers.float16 import convert_float_to_float16  # with its registry of operators

    outputs = [output.name for output in spec.outputs]
    behind = after_the_last(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of weights near zero that become the least half
        halved: Any = convert_float_to_float16(model, keep_io_types=outputs, node_block_list=behind)
    assert isinstance(halved, onnx.ModelProto)
    _join(halved.graph, {node.name for node in model.graph.node})
    return halved


def _join(graph: onnx.GraphProto, known: Set[str]) -> None:
    """Takes out the halves between nodes that stay float32, where the converter rounds what each gives to the next.

    `known` are the nodes that were there before: casts of the network's own stay.
    """
    casts = {node.output[0]: node for node in graph.node if node.op_type == "Cast" and node.name not in known}
    single = {each.name for each in graph.initializer if each.data_type == onnx.TensorProto.FLOAT}
    exact: dict[str, str] = {}  # what came by way of a half, or was no half at all -> what it was made of
    for name, cast in casts.items():
        if _casts_to(cast) != onnx.TensorProto.FLOAT:
            continue
        halves = casts.get(cast.input[0])
        if halves is not None and _casts_to(halves) == onnx.TensorProto.FLOAT16:
            exact[name] = halves.input[0]
        elif cast.input[0] in single:
            exact[name] = cast.input[0]
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = exact.get(name, name)
    wanted = {output.name for output in graph.output}
    for name in wanted & exact.keys():
        casts[name].op_type, casts[name].input[0] = "Identity", exact[name]
        del casts[name].attribute[:]
    order = toposort([node.input for node in graph.node], [node.output for node in graph.node])
    needed = []
    for node in reversed([graph.node[i] for i in order]):
        if node.output[0] not in casts or node.output[0] in wanted:
            wanted.update(node.input)
            needed.append(node)
    del graph.node[:]
    graph.node.extend(reversed(needed))
    del graph.value_info[:]  # the converter's, which calls some of what stays float32 halves


def _casts_to(node: onnx.NodeProto) -> int:
    return int(next((attribute.i for attribute in node.attribute if attribute.name == "to"), 0))
