"""Networks of the literature: built by torch, with weights from the user's checkpoint, or random ones.

They are exported to ONNX and stored, so that torch is needed once. A network with random weights is stored under a name
of its own, and never taken for the trained one.
"""

import importlib.util
from collections.abc import Mapping
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
    """The ONNX file of `spec` with the user's weights; made again from their checkpoint where damaged or out of date.

    Raises FetchError where no weights were given yet, or their checkpoint is missing or was changed; WrongWeightsError
    and MissingExtraError as `adopt`.
    """

    def make(cached: Cached) -> Path:
        if not cached.problem:
            raise FetchError(f"{spec.name}: no weights were given: {_where_to_get(spec)}")
        checkpoint = _recorded_checkpoint(spec, cached)
        progress(f"{spec.name}: {cached.problem}: making it again from {checkpoint}")
        return _make(spec, checkpoint, progress)

    return artifacts.lookup_or_make(spec.name, recipe(spec), make)


def adopt(spec: ModelSpec, given: Path, progress: ProgressLine = no_progress) -> Path:
    """The ONNX file of `spec` with the weights of the checkpoint `given`, made where the cache has another or none.

    Raises FetchError where the file is missing, WrongWeightsError where it is no checkpoint or of another network,
    MissingExtraError where torch is not installed. The cache's network of `spec` is then unchanged.
    """
    if not given.is_file():
        raise FetchError(f"{given}: no such file: give the checkpoint of {spec.name} ({_publisher(spec)})")
    given = given.resolve()
    with cache.writing(), artifacts.lock(spec.name):
        cached = in_cache(spec)
        if cached.onnx and cached.sidecar["checkpoint"]["sha256"] == cache.sha256_of(given):
            return cached.onnx
        return _make(spec, given, progress)


def with_random_weights(spec: ModelSpec, progress: ProgressLine = no_progress) -> Path:
    """The ONNX file of `spec` with random weights, the same ones at each call.

    Raises MissingExtraError where torch is not installed.
    """
    name = random_name(spec)

    def make(_: Cached) -> Path:
        need_torch(spec)
        from posestream.engines.architectures.seeded import seeded

        of = _architecture(spec)
        network = seeded(_SEED, of.name, of.variant, **of.options)
        progress(f"making {spec.name} with random weights")
        return store(spec, name, network, weights="random", seed=_SEED)

    return artifacts.lookup_or_make(name, recipe(spec), make)


def _make(spec: ModelSpec, checkpoint: Path, progress: ProgressLine) -> Path:
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
        other = _matching_variant(spec, tensors)
        raise WrongWeightsError(f"{error}; they are of {other}" if other else str(error)) from None
    return store(spec, spec.name, network, checkpoint={"path": str(checkpoint), "sha256": sha256})


def _matching_variant(spec: ModelSpec, tensors: "Tensors") -> str:
    """The name of another variant of the same architecture that the tensors fit, or ""."""
    from posestream.engines.architectures.seeded import on_meta
    from posestream.engines.zoo.checkpoints import LAYOUTS
    from posestream.engines.zoo.checkpoints.loading import load

    name = _architecture(spec).name
    for other in literature.SPECS:
        of = _architecture(other)
        if of.name == name and other is not spec:
            try:
                load(on_meta(name, of.variant, **of.options), tensors, LAYOUTS[name], other.name)
            except WrongWeightsError:
                continue
            return other.name
    return ""


def random_name(spec: ModelSpec) -> str:
    """The cache's name of `spec` with random weights."""
    return f"{spec.name}.random"


def store(spec: ModelSpec, name: str, network: "Network", **facts: Any) -> Path:
    """Stores `network` as ONNX under `name`, with `facts` in its sidecar; returns its path. Needs torch."""
    from posestream.engines.architectures.count import parameters
    from posestream.engines.architectures.export import to_onnx

    content = to_onnx(network, spec).SerializeToString(deterministic=True)
    return artifacts.store(
        name, content, recipe(spec), parameters(network), model=spec.name, licence=spec.licence, **facts
    )


def _recorded_checkpoint(spec: ModelSpec, cached: Cached) -> Path:
    """The checkpoint that a cached network was made from. Raises FetchError where it is missing or was changed."""
    again = f"give it again with `posestream models get {spec.name} --weights FILE`"
    checkpoint: Mapping[str, str] | None = cached.sidecar.get("checkpoint")
    if checkpoint is None:
        raise FetchError(f"{spec.name}: {cached.problem}, and its checkpoint is not recorded: {again}")
    path = Path(checkpoint["path"])
    if not path.is_file():
        raise FetchError(f"{spec.name}: {cached.problem}, and {path}, from which it came, is gone: {again}")
    if cache.sha256_of(path) != checkpoint["sha256"]:
        raise FetchError(f"{spec.name}: {cached.problem}, and {path}, from which it came, has changed: {again}")
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
    """Raises MissingExtraError where torch, or what its exporter needs, is not installed."""
    missing = [package for package in NEEDED if importlib.util.find_spec(package) is None]
    if missing:
        raise MissingExtraError(
            f"{spec.name} is made with {' and '.join(missing)}, not installed here: pip install 'posestream[torch]'"
        )


def recipe(spec: ModelSpec) -> dict[str, Any]:
    """Everything that the ONNX file depends on except the weights: where it differs, the file is out of date."""
    of = _architecture(spec)
    return {
        "architecture": [of.name, of.variant, dict(of.options)],
        "tensors": artifacts.tensors_of(spec),
        "sources": _sources_digest(),
    }


@once
def _sources_digest() -> str:
    """Of the networks' sources, and of those that read checkpoints."""
    zoo = Path(__file__).parents[1]
    return artifacts.digest([*(zoo.parent / "architectures").glob("*.py"), *(zoo / "checkpoints").glob("*.py")])
