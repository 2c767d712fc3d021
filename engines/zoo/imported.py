"""A model's ONNX file in the cache: fetched, imported once, checked at every use."""

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.spec import ModelSpec
from engines.zoo import cache
from engines.zoo.catalogue import companions
from engines.zoo.fetch import fetch_source, silent
from engines.zoo.registries import Report

if TYPE_CHECKING:
    from onnx import ModelProto


@dataclass(frozen=True, slots=True)
class Cached:
    """What the cache has of a model: its good ONNX file or None, what is wrong, and the number of its parameters."""

    onnx: Path | None
    problem: str = ""
    parameters: int | None = None


def onnx_path(spec: ModelSpec, report: Report = silent) -> Path:
    """The ONNX file of `spec`: from the cache, or fetched and imported now.

    A damaged or outdated file is made anew. Raises FetchError where the weights cannot be got, WeightsError where they
    are others than published, ImportModelError where they cannot be read.
    """
    if path := in_cache(spec).onnx:
        return path
    with cache.writing(), cache.lock(f"onnx-{spec.name}"):
        before = in_cache(spec)
        if before.onnx:  # another process made it while this one waited
            return before.onnx
        if before.problem:
            report(f"{spec.name}: {before.problem}: importing it again")
        return _import(spec, report)


def in_cache(spec: ModelSpec) -> Cached:
    """What the cache has of `spec`; reads the file to check it, fetches nothing."""
    path, sidecar_path = _paths(spec)
    if not path.is_file():
        return Cached(None)
    try:
        sidecar = json.loads(sidecar_path.read_text())
    except (OSError, ValueError):
        return Cached(None, f"{path}: its {sidecar_path.name} is missing or damaged")
    if not isinstance(sidecar, dict) or sidecar.get("recipe") != _recipe(spec):
        return Cached(None, f"{path}: made by another version of posestream")
    if sidecar.get("onnx_sha256") != cache.sha256_of(path):
        return Cached(None, f"{path}: damaged, its sha256 is not the one it was written with")
    return Cached(path, parameters=sidecar["parameters"])


def _import(spec: ModelSpec, report: Report) -> Path:
    files = fetch_source(spec.source, report, companions(spec.source))
    report(f"importing {spec.name}")
    from engines.zoo.importer.formats import import_model  # onnx is slow to load, and rarely needed

    model = import_model(spec, files)
    content = model.SerializeToString(deterministic=True)
    sidecar = {
        "model": spec.name,
        "recipe": _recipe(spec),
        "onnx_sha256": hashlib.sha256(content).hexdigest(),
        "parameters": _parameters(model),
        "licence": spec.licence,
    }
    path, sidecar_path = _paths(spec)
    cache.write(path, content)
    cache.write(sidecar_path, json.dumps(sidecar, indent=2).encode())
    return path


def _paths(spec: ModelSpec) -> tuple[Path, Path]:
    folder = cache.directory() / "onnx"
    return folder / f"{spec.name}.onnx", folder / f"{spec.name}.json"


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
    """The sha256 of the importer's source: whatever changes in it, old imports are made anew."""
    digest = hashlib.sha256()
    for path in sorted((Path(__file__).parent / "importer").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _parameters(model: "ModelProto") -> int:
    """Weights and biases of the convolutions, which are all that our networks learn."""
    learnt = {name for node in model.graph.node if node.op_type == "Conv" for name in node.input[1:]}
    return sum(math.prod(tensor.dims) for tensor in model.graph.initializer if tensor.name in learnt)
