"""The ONNX file of a model, wherever its weights come from: a package, or a checkpoint of the user's."""

from pathlib import Path

from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.download import fetch
from posestream.engines.zoo.download.fetch import silent
from posestream.engines.zoo.download.registries import Report
from posestream.engines.zoo.make import from_checkpoint, from_package
from posestream.engines.zoo.store.artifacts import Cached


def onnx_path(spec: ModelSpec, report: Report = silent) -> Path:
    """Raises WeightsError as `imported.onnx_path` or `trained.onnx_path`."""
    return from_package.onnx_path(spec, report) if spec.fetched else from_checkpoint.onnx_path(spec, report)


def adopt(spec: ModelSpec, given: Path, report: Report = silent) -> Path:
    """The ONNX file made of weights that the user has. Raises WeightsError where they are not the model's."""
    if not spec.fetched:
        return from_checkpoint.adopt(spec, given, report)
    fetch.adopt(spec.source, given)
    return from_package.onnx_path(spec, report)


def in_cache(spec: ModelSpec) -> Cached:
    """What the cache has of `spec`; reads the file to check it, fetches nothing."""
    return from_package.in_cache(spec) if spec.fetched else from_checkpoint.in_cache(spec)
