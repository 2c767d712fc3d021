"""A model's ONNX file in the cache: fetched, imported once, checked at every use."""

import math
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posestream.engines.progress import ProgressLine, no_progress
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import companions
from posestream.engines.zoo.download.fetch import fetch_source
from posestream.engines.zoo.store import artifacts, cache
from posestream.engines.zoo.store.artifacts import Cached

if TYPE_CHECKING:
    from onnx import ModelProto


def onnx_path(spec: ModelSpec, progress: ProgressLine = no_progress) -> Path:
    """The ONNX file of `spec`: from the cache, or fetched and imported now.

    A damaged or outdated file is made anew. Raises FetchError where the weights cannot be got, WrongWeightsError where
    they are others than published, ImportModelError where they cannot be read.
    """
    if path := in_cache(spec).onnx:
        return path
    with cache.writing(), cache.lock(f"onnx-{spec.name}"):
        before = in_cache(spec)
        if before.onnx:  # another process made it while this one waited
            return before.onnx
        if before.problem:
            progress(f"{spec.name}: {before.problem}: importing it again")
        return _import(spec, progress)


def in_cache(spec: ModelSpec) -> Cached:
    """What the cache has of `spec`; reads the file to check it, fetches nothing."""
    return artifacts.lookup(spec.name, _recipe(spec))


def _import(spec: ModelSpec, progress: ProgressLine) -> Path:
    files = fetch_source(spec.source, progress, companions(spec.source))
    progress(f"importing {spec.name}")
    from posestream.engines.zoo.importer.formats import import_model  # onnx is slow to load, and rarely needed

    model = import_model(spec, files)
    content = model.SerializeToString(deterministic=True)
    return artifacts.store(spec.name, content, _recipe(spec), _parameters(model), model=spec.name, licence=spec.licence)


def _recipe(spec: ModelSpec) -> dict[str, Any]:
    """All that the ONNX file depends on: where this differs, it is out of date."""
    tensors = [spec.input.tensor, *spec.outputs]
    return {
        "sources": {file.path: file.sha256 for file in spec.source.files},
        "tensors": [[tensor.name, tensor.dtype, list(tensor.shape)] for tensor in tensors],
        "importer": _importer_digest(),
    }


@once
def _importer_digest() -> str:
    """Whatever changes in the importer's source, old imports are made anew."""
    return artifacts.digest((Path(__file__).parents[1] / "importer").glob("*.py"))


def _parameters(model: "ModelProto") -> int:
    """Weights and biases of the convolutions, which are all that our networks learn."""
    learnt = {name for node in model.graph.node if node.op_type == "Conv" for name in node.input[1:]}
    return sum(math.prod(tensor.dims) for tensor in model.graph.initializer if tensor.name in learnt)
