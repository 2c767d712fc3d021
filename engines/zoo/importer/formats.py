"""From a model's files to its ONNX: the reader of its format, the translation, the rewriting for batches."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import onnx
from onnx import ModelProto

from posestream.engines.exceptions import ImportModelError
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.importer import batching, graphdef, tfjs
from posestream.engines.zoo.importer.graph import TfGraph
from posestream.engines.zoo.importer.to_onnx import build, rebuild, translate
from posestream.engines.zoo.importer.writer import Writer

Importer: TypeAlias = Callable[[ModelSpec, Sequence[Path]], ModelProto]


def import_model(spec: ModelSpec, files: Sequence[Path]) -> ModelProto:
    """The ONNX model of `spec` from its source files, in the order of the source.

    Raises ImportModelError where a file is not of its format, or has an operation that the importer lacks.
    """
    try:
        return IMPORTERS[spec.source.format](spec, files)
    except ImportModelError as e:
        raise ImportModelError(f"{spec.name}: cannot import {files[0]}: {e}") from e


def _from_tfjs(spec: ModelSpec, files: Sequence[Path]) -> ModelProto:
    model, weights = files
    return from_graph(spec, tfjs.read(model.read_bytes(), weights.read_bytes()))


def _from_graphdef(spec: ModelSpec, files: Sequence[Path]) -> ModelProto:
    return from_graph(spec, graphdef.read(files[0].read_bytes()))


def _from_onnx(spec: ModelSpec, files: Sequence[Path]) -> ModelProto:
    return rebuild(spec, onnx.load(files[0]))


def from_graph(spec: ModelSpec, graph: TfGraph) -> ModelProto:
    """Translates `graph`, with MoveNet's decoder rewritten where `spec` is batched.

    Raises ImportModelError where it has an operation that the importer lacks.
    """
    out = Writer()
    inputs = {spec.source.input: spec.input.tensor.name}
    if spec.codec == "movenet-single" and spec.batched:
        graph = batching.without_unstacking(graph)
        heads = translate(graph, batching.MOVENET_HEADS, inputs, out)
        return build(spec, out, [batching.movenet_tail(graph, heads, out)])
    return build(spec, out, translate(graph, spec.source.outputs, inputs, out))


IMPORTERS: Mapping[str, Importer] = {"tfjs": _from_tfjs, "graphdef": _from_graphdef, "onnx": _from_onnx}
