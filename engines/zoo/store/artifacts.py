"""The networks that the cache keeps as ONNX, each with a sidecar that says what it was made of."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posestream.engines.zoo.store import cache

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class Cached:
    """What the cache has of a network: its good ONNX file or None, what is wrong, and how many parameters it has.

    `sidecar` is all that was written with the file, empty where there is none.
    """

    onnx: Path | None
    problem: str = ""
    parameters: int | None = None
    sidecar: Mapping[str, Any] = field(default_factory=dict)


def lookup(name: str, recipe: Mapping[str, Any]) -> Cached:
    """What the cache has under `name`; reads the file to check it. `recipe` is what a good one is made by."""
    path, sidecar_path = _paths(name)
    if not path.is_file():
        return Cached(None)
    try:
        sidecar = json.loads(sidecar_path.read_text())
    except (OSError, ValueError):
        sidecar = None
    if not isinstance(sidecar, dict):
        return Cached(None, f"{path}: its {sidecar_path.name} is missing or damaged")
    if sidecar.get("recipe") != recipe:
        return Cached(None, f"{path}: made by another version of posestream", sidecar=sidecar)
    if sidecar.get("onnx_sha256") != cache.sha256_of(path):
        return Cached(None, f"{path}: damaged, its sha256 is not the one it was written with", sidecar=sidecar)
    return Cached(path, parameters=sidecar["parameters"], sidecar=sidecar)


def store(name: str, content: bytes, recipe: Mapping[str, Any], parameters: int, **facts: Any) -> Path:
    """Puts a network into the cache, with `facts` in its sidecar; returns its ONNX file. The caller holds its lock."""
    path, sidecar_path = _paths(name)
    onnx_sha256 = hashlib.sha256(content).hexdigest()
    sidecar = {"recipe": recipe, "onnx_sha256": onnx_sha256, "parameters": parameters, **facts}
    cache.write(path, content)
    cache.write(sidecar_path, json.dumps(sidecar, indent=2).encode())
    return path


def store_derived(name: str, model: "onnx.ModelProto", recipe: Mapping[str, Any], **facts: Any) -> Path:
    """`store` for what was made of another network by changing its numbers."""
    numbers = sum(math.prod(tensor.dims) for tensor in model.graph.initializer)
    return store(name, model.SerializeToString(), recipe, numbers, **facts)


def digest(files: Iterable[Path]) -> str:
    """The sha256 of source files, by which networks made by others are told."""
    together = hashlib.sha256()
    for path in sorted(files):
        together.update(path.read_bytes())
    return together.hexdigest()


def _paths(name: str) -> tuple[Path, Path]:
    folder = cache.directory() / "onnx"
    return folder / f"{name}.onnx", folder / f"{name}.json"
