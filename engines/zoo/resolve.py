"""The ONNX file of a model, from a package or from the user's checkpoint."""

from pathlib import Path

from posestream.engines.progress import ProgressLine, no_progress
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.download import fetch
from posestream.engines.zoo.make import from_checkpoint, from_package
from posestream.engines.zoo.store.artifacts import Cached


def onnx_path(spec: ModelSpec, progress: ProgressLine = no_progress) -> Path:
    """The ONNX file, made where the cache has none. Raises WeightsError where weights are unavailable or invalid."""
    return from_package.onnx_path(spec, progress) if spec.fetched else from_checkpoint.onnx_path(spec, progress)


def adopt(spec: ModelSpec, given: Path, progress: ProgressLine = no_progress) -> Path:
    """The ONNX file made from the user's weights. Raises WeightsError where they are not the model's."""
    if not spec.fetched:
        return from_checkpoint.adopt(spec, given, progress)
    fetch.adopt(spec.source, given)
    return from_package.onnx_path(spec, progress)


def in_cache(spec: ModelSpec) -> Cached:
    """What the cache has of `spec`; reads the file to check it, fetches nothing."""
    return from_package.in_cache(spec) if spec.fetched else from_checkpoint.in_cache(spec)
