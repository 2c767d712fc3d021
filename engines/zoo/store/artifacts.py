"""The ONNX networks in the cache, each with a sidecar: the recipe that it was made by, its sha256, and more facts."""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.store import cache

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class Cached:
    """A lookup's result: the intact ONNX file or None, the problem with the file if any, its number of parameters.

    `sidecar` is all that was written with the file, empty where it is missing or damaged.
    """

    onnx: Path | None
    problem: str = ""
    parameters: int | None = None
    sidecar: Mapping[str, Any] = field(default_factory=dict)


def lookup(name: str, recipe: Mapping[str, Any]) -> Cached:
    """The network under `name`, if it was made by `recipe`; reads the file to check its sha256."""
    path, sidecar_path = _paths(name)
    if not path.is_file():
        return Cached(None)
    sidecar = cache.read_json(sidecar_path)
    if not sidecar:
        return Cached(None, f"{path}: its {sidecar_path.name} is missing or damaged")
    if sidecar.get("recipe") != recipe:
        return Cached(None, f"{path}: made by another version of posestream", sidecar=sidecar)
    if sidecar.get("onnx_sha256") != cache.sha256_of(path):
        return Cached(None, f"{path}: damaged, its sha256 is not the one it was written with", sidecar=sidecar)
    return Cached(path, parameters=sidecar["parameters"], sidecar=sidecar)


def lookup_or_make(name: str, recipe: Mapping[str, Any], make: Callable[[Cached], Path]) -> Path:
    """The ONNX file under `name`; where it is missing or out of date, `make` stores it, given the lookup's result.

    Of two processes that look for the same network one makes it, and the other waits. Raises FetchError where the cache
    cannot be written, and whatever `make` does.
    """
    if path := lookup(name, recipe).onnx:
        return path
    with cache.writing(), lock(name):
        cached = lookup(name, recipe)  # another process may have made it meanwhile
        return cached.onnx or make(cached)


def lock(name: str) -> AbstractContextManager[None]:
    """Held while the network under `name` is made, across processes."""
    return cache.lock(f"onnx-{name}")


def store(name: str, content: bytes, recipe: Mapping[str, Any], parameters: int, **facts: Any) -> Path:
    """Stores a network, with `facts` in its sidecar; returns its ONNX file. The caller holds its lock."""
    path, sidecar_path = _paths(name)
    onnx_sha256 = hashlib.sha256(content).hexdigest()
    cache.write(path, content)
    cache.write_json(sidecar_path, {"recipe": recipe, "onnx_sha256": onnx_sha256, "parameters": parameters, **facts})
    return path


def store_derived(name: str, model: "onnx.ModelProto", recipe: Mapping[str, Any], **facts: Any) -> Path:
    """Stores a network derived from another (fp16, int8), as `store`."""
    parameters = sum(math.prod(tensor.dims) for tensor in model.graph.initializer)
    return store(name, model.SerializeToString(), recipe, parameters, **facts)


def tensors_of(spec: ModelSpec) -> list[list[Any]]:
    """Name, dtype and shape of the input and the outputs, for recipes."""
    return [[tensor.name, tensor.dtype, list(tensor.shape)] for tensor in (spec.input.tensor, *spec.outputs)]


def derived_recipe(onnx_path: Path, version: int) -> dict[str, Any]:
    """The recipe of a network derived from the one at `onnx_path` by version `version` of a conversion."""
    return {"onnx_sha256": cache.sha256_of(onnx_path), "made_by": version}


def digest(files: Iterable[Path]) -> str:
    """The sha256 of source files, for recipes: what older sources made is then out of date."""
    together = hashlib.sha256()
    for path in sorted(files):
        together.update(path.read_bytes())
    return together.hexdigest()


def _paths(name: str) -> tuple[Path, Path]:
    folder = cache.directory() / "onnx"
    return folder / f"{name}.onnx", folder / f"{name}.json"
