"""Networks from packages and URLs: fetched, and imported to ONNX once."""

import math
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posestream.engines.progress import ProgressLine, no_progress
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import companions
from posestream.engines.zoo.download.fetch import fetch_source
from posestream.engines.zoo.store import artifacts
from posestream.engines.zoo.store.artifacts import Cached

if TYPE_CHECKING:
    from onnx import ModelProto


def onnx_path(spec: ModelSpec, progress: ProgressLine = no_progress) -> Path:
    """The ONNX file of `spec`, imported now where the cache's is missing, damaged or out of date.

    Raises FetchError where the weights are unavailable, WrongWeightsError where they are not the published ones,
    ImportModelError where they cannot be converted.
    """

    def make(cached: Cached) -> Path:
        if cached.problem:
            progress(f"{spec.name}: {cached.problem}: importing it again")
        return _import(spec, progress)

    return artifacts.lookup_or_make(spec.name, _recipe(spec), make)


def in_cache(spec: ModelSpec) -> Cached:
    """What the cache has of `spec`; reads the file to check it, fetches nothing."""
    return artifacts.lookup(spec.name, _recipe(spec))


def _import(spec: ModelSpec, progress: ProgressLine) -> Path:
    files = fetch_source(spec.source, progress, companions(spec.source))
    progress(f"importing {spec.name}")
    from posestream.engines.zoo.importer.formats import import_model  # onnx is slow to import, and seldom needed

    model = import_model(spec, files)
    content = model.SerializeToString(deterministic=True)
    return artifacts.store(spec.name, content, _recipe(spec), _parameters(model), model=spec.name, licence=spec.licence)


def _recipe(spec: ModelSpec) -> dict[str, Any]:
    """Everything that the ONNX file depends on: where it differs, the file is out of date."""
    return {
        "sources": {file.path: file.sha256 for file in spec.source.files},
        "tensors": artifacts.tensors_of(spec),
        "importer": _importer_digest(),
    }


@once
def _importer_digest() -> str:
    return artifacts.digest((Path(__file__).parents[1] / "importer").glob("*.py"))


def _parameters(model: "ModelProto") -> int:
    """The weights and biases of the convolutions: these networks learn no others."""
    learnt = {name for node in model.graph.node if node.op_type == "Conv" for name in node.input[1:]}
    return sum(math.prod(tensor.dims) for tensor in model.graph.initializer if tensor.name in learnt)
