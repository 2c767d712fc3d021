"""Networks of the literature: made here, by torch, with weights from a checkpoint of the user's, or with random ones.

What was made stays in the cache as ONNX, so that torch is needed once. A network with random weights has an entry of
its own, and is never taken for the real one.
"""

import importlib.util
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posestream.engines.exceptions import FetchError, MissingExtraError, WrongWeightsError
from posestream.engines.progress import ProgressLine, no_progress
from posestream.engines.spec import Architecture, ModelSpec
from posestream.engines.zoo import literature
from posestream.engines.zoo.store import artifacts, cache
from posestream.engines.zoo.store.artifacts import Cached

if TYPE_CHECKING:
    from posestream.engines.architectures.pose_network import Network
    from posestream.engines.zoo.checkpoints.reading import Tensors

NEEDED = ("torch", "onnxscript")
_SEED = 0


def in_cache(spec: ModelSpec) -> Cached:
    """What the cache has of `spec` with the user's weights; reads the file to check it."""
    return artifacts.lookup(spec.name, recipe(spec))


def onnx_path(spec: ModelSpec, progress: ProgressLine = no_progress) -> Path:
    """The ONNX file of `spec` with the weights that the user gave, now or before.

    One that is damaged or outdated is made anew from the checkpoint it came from. Raises FetchError where no weights
    were given yet, or that checkpoint is gone or another; WrongWeightsError and MissingExtraError as `adopt`.
    """
    if path := in_cache(spec).onnx:
        return path
    with cache.writing(), _lock(spec.name):
        there = in_cache(spec)
        if there.onnx:  # another process made it while this one waited
            return there.onnx
        if not there.problem:
            raise FetchError(f"{spec.name}: no weights were given: {_where_to_get(spec)}")
        checkpoint = _remembered(spec, there)
        progress(f"{spec.name}: {there.problem}: making it again from {checkpoint}")
        return _made(spec, checkpoint, progress)


def adopt(spec: ModelSpec, given: Path, progress: ProgressLine = no_progress) -> Path:
    """The ONNX file of `spec` with the weights of the checkpoint `given`, made where it is not in the cache.

    Raises FetchError where there is no such file, WrongWeightsError where it is no checkpoint or one of another
    network, MissingExtraError without torch. Then what the cache had of `spec` is still there.
    """
    if not given.is_file():
        raise FetchError(f"{given}: no such file: give the checkpoint of {spec.name} ({_publisher(spec)})")
    given = given.resolve()
    with cache.writing(), _lock(spec.name):
        there = in_cache(spec)
        if there.onnx and there.sidecar["checkpoint"]["sha256"] == cache.sha256_of(given):
            return there.onnx
        return _made(spec, given, progress)


def with_random_weights(spec: ModelSpec, progress: ProgressLine = no_progress) -> Path:
    """The ONNX file of `spec` with random weights, the same each time. Raises MissingExtraError without torch."""
    name = f"{spec.name}.random"
    if path := artifacts.lookup(name, recipe(spec)).onnx:
        return path
    with cache.writing(), _lock(name):
        if path := artifacts.lookup(name, recipe(spec)).onnx:
            return path
        need_torch(spec)
        from posestream.engines.architectures.seeded import seeded

        of = _architecture(spec)
        network = seeded(_SEED, of.name, of.variant, **of.options)
        progress(f"making {spec.name} with random weights")
        return _kept(spec, name, network, weights="random", seed=_SEED)


def _made(spec: ModelSpec, checkpoint: Path, progress: ProgressLine) -> Path:
    need_torch(spec)
    from posestream.engines.architectures import create
    from posestream.engines.zoo.checkpoints import LAYOUTS
    from posestream.engines.zoo.checkpoints.loading import load
    from posestream.engines.zoo.checkpoints.reading import read

    of = _architecture(spec)
    tensors = read(checkpoint)
    sha256 = cache.sha256_of(checkpoint)
    progress(f"making {spec.name} with the weights of {checkpoint}")
    network = create(of.name, of.variant, **of.options)
    try:
        load(network, tensors, LAYOUTS[of.name], f"{checkpoint} for {spec.name}")
    except WrongWeightsError as error:
        raise WrongWeightsError(f"{error}{_whose(spec, tensors)}") from None
    return _kept(spec, spec.name, network, checkpoint={"path": str(checkpoint), "sha256": sha256})


def _whose(spec: ModelSpec, tensors: "Tensors") -> str:
    """Says which other variant of the same architecture the tensors are of, or "" where they are of none."""
    from posestream.engines.architectures.seeded import outlined
    from posestream.engines.zoo.checkpoints import LAYOUTS
    from posestream.engines.zoo.checkpoints.loading import load

    name = _architecture(spec).name
    for other in literature.SPECS:
        of = _architecture(other)
        if of.name == name and other is not spec:
            try:
                load(outlined(name, of.variant, **of.options), tensors, LAYOUTS[name], other.name)
            except WrongWeightsError:
                continue
            return f"; they are of {other.name}"
    return ""


def _kept(spec: ModelSpec, name: str, network: "Network", **facts: Any) -> Path:
    from posestream.engines.architectures.count import parameters
    from posestream.engines.architectures.export import to_onnx

    content = to_onnx(network, spec).SerializeToString(deterministic=True)
    return artifacts.store(
        name, content, recipe(spec), parameters(network), model=spec.name, licence=spec.licence, **facts
    )


def _remembered(spec: ModelSpec, there: Cached) -> Path:
    """The checkpoint that an entry was made from. Raises FetchError where it is gone, or is not the same any more."""
    again = f"give it again with `posestream models get {spec.name} --weights FILE`"
    checkpoint: Mapping[str, str] | None = there.sidecar.get("checkpoint")
    if checkpoint is None:
        raise FetchError(f"{spec.name}: {there.problem}, and nothing says from which checkpoint it came: {again}")
    path = Path(checkpoint["path"])
    if not path.is_file():
        raise FetchError(f"{spec.name}: {there.problem}, and {path}, from which it came, is gone: {again}")
    if cache.sha256_of(path) != checkpoint["sha256"]:
        raise FetchError(f"{spec.name}: {there.problem}, and {path}, from which it came, has changed: {again}")
    return path


def _where_to_get(spec: ModelSpec) -> str:
    return (
        f"trained ones come from {_publisher(spec)}; give yours with --weights FILE, "
        "or see the network run, on noise, with --random-weights"
    )


def _publisher(spec: ModelSpec) -> str:
    assert spec.publication is not None
    return spec.publication.weights


def _architecture(spec: ModelSpec) -> Architecture:
    assert spec.architecture is not None, f"{spec.name} names no architecture"
    return spec.architecture


def need_torch(spec: ModelSpec) -> None:
    missing = [package for package in NEEDED if importlib.util.find_spec(package) is None]
    if missing:
        raise MissingExtraError(
            f"{spec.name} is made with {' and '.join(missing)}, not installed here: pip install 'posestream[torch]'"
        )


def _lock(name: str) -> AbstractContextManager[None]:
    return cache.lock(f"onnx-{name}")


def recipe(spec: ModelSpec) -> dict[str, Any]:
    """All that the ONNX file depends on but the weights: where this differs, it is out of date."""
    of = _architecture(spec)
    tensors = [spec.input.tensor, *spec.outputs]
    return {
        "architecture": [of.name, of.variant, dict(of.options)],
        "tensors": [[tensor.name, tensor.dtype, list(tensor.shape)] for tensor in tensors],
        "sources": _sources_digest(),
    }


@once
def _sources_digest() -> str:
    """Whatever changes in the networks' source, or in how checkpoints are read, old files are made anew."""
    zoo = Path(__file__).parents[1]
    return artifacts.digest([*(zoo.parent / "architectures").glob("*.py"), *(zoo / "checkpoints").glob("*.py")])
