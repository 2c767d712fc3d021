"""The ONNX file of a model, wherever its weights come from: a package, or a checkpoint of the user's."""

from pathlib import Path

from engines.spec import ModelSpec
from engines.zoo import fetch, imported, trained
from engines.zoo.fetch import silent
from engines.zoo.kept import Cached
from engines.zoo.registries import Report


def onnx_path(spec: ModelSpec, report: Report = silent) -> Path:
    """Raises ZooError as `imported.onnx_path` or `trained.onnx_path`."""
    return imported.onnx_path(spec, report) if spec.fetched else trained.onnx_path(spec, report)


def adopt(spec: ModelSpec, given: Path, report: Report = silent) -> Path:
    """The ONNX file made of weights that the user has. Raises ZooError where they are not the model's."""
    if not spec.fetched:
        return trained.adopt(spec, given, report)
    fetch.adopt(spec.source, given)
    return imported.onnx_path(spec, report)


def in_cache(spec: ModelSpec) -> Cached:
    """What the cache has of `spec`; reads the file to check it, fetches nothing."""
    return imported.in_cache(spec) if spec.fetched else trained.in_cache(spec)
