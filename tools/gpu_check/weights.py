"""The networks' weights: trained ones where this machine has them, else random ones that give numbers to compare.

Weights drawn at random let a deep network fade out: outputs of 1e-10 agree with anything. So each layer is normalised
by what real crops give there, and the last one scaled so that the largest output is 1. Such networks, and what is made
of them, lie in a folder of this check's own, <cache>/gpu_check, where no run of the user's finds them.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.progress import no_progress
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo import resolve
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.make import from_checkpoint
from posestream.engines.zoo.store import artifacts, cache
from tools.gpu_check.findings import NotMeasuredError

if TYPE_CHECKING:
    from posestream.engines.architectures.pose_network import Network

SEED = 0
OWN = "gpu_check"
MOST_CROPS = 16
ADVICE = "trained weights are needed for pixels: posestream models get {} --weights FILE, then run this again"


@dataclass(frozen=True, slots=True)
class Weights:
    """A network's ONNX file, and whether its weights are trained ones."""

    file: Path
    trained: bool


def of(network: str) -> Weights:
    """What the cache in use has. Raises NotMeasuredError where it has none; fetches and makes nothing."""
    spec = find(network)
    if file := resolve.in_cache(spec).onnx:
        return Weights(file, True)
    if not spec.fetched and (file := artifacts.lookup(_name(spec), from_checkpoint.recipe(spec)).onnx):
        return Weights(file, False)
    raise NotMeasuredError(f"{network}: its weights are not here")


def fetched(network: str) -> Path:
    """The ONNX file of a network that is published, fetched where it is not here. Raises WeightsError."""
    return resolve.onnx_path(find(network), no_progress)


def use(network: str) -> None:
    """Has this process, and the runs that it starts, take the check's own cache where a network is not trained here."""
    spec = find(network)
    if spec.fetched or resolve.in_cache(spec).onnx:
        return
    os.environ["POSESTREAM_CACHE"] = str(_own_cache(cache.directory()))


def made(network: str, crops: Callable[[], NDArray[Any]]) -> Weights:
    """The network with normalised random weights, made once; `crops` gives images (N, ...) to normalise it by.

    `use` was called before. Raises NotMeasuredError, WeightsError where torch, which makes it, is not installed.
    """
    spec = find(network)
    try:
        return of(network)
    except NotMeasuredError:
        from_checkpoint.need_torch(spec)
    from posestream.engines.architectures.count import parameters
    from posestream.engines.architectures.export import to_onnx

    made_of = normalised(spec, crops()[:MOST_CROPS])
    content = to_onnx(made_of, spec).SerializeToString(deterministic=True)
    count = parameters(made_of)
    artifacts.store(
        _name(spec),
        content,
        from_checkpoint.recipe(spec),
        count,
        model=spec.name,
        licence=spec.licence,
        weights="random",
    )
    return of(network)


def normalised(spec: ModelSpec, crops: NDArray[Any]) -> "Network":
    """The network with weights from a seed, its layers normalised by what `crops` give there, its outputs up to 1."""
    import torch
    from torch import Tensor, nn

    from posestream.engines.architectures.pose_network import Deployed
    from posestream.engines.architectures.seeded import seeded

    architecture = spec.architecture
    assert architecture is not None, f"{spec.name} names no architecture"
    network = seeded(SEED, architecture.name, architecture.variant, **architecture.options)
    images = torch.from_numpy(np.ascontiguousarray(crops, np.float32))
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # the plain mean of all batches: of one
    given: list[tuple[nn.Module, Tensor]] = []
    hooks = [
        module.register_forward_hook(lambda layer, _, output: given.append((layer, output)))
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    ]
    with torch.no_grad():
        network.train()(images)
        given.clear()
        outputs = Deployed(network).eval()(images)
        for output in outputs:
            last = next(layer for layer, gave in reversed(given) if gave.data_ptr() == output.data_ptr())
            for weight in last.parameters():
                weight.div_(output.abs().max())
    for hook in hooks:
        hook.remove()
    return network


def _own_cache(user: Path) -> Path:
    """A cache beside the user's, with links to all that is there but networks with random weights."""
    if user.name == OWN:
        return user
    own = user / OWN
    own.mkdir(exist_ok=True)
    if not (own / "sources").exists():
        (own / "sources").unlink(missing_ok=True)
        (own / "sources").symlink_to(user / "sources")
    for name in ("onnx", "engines"):
        (own / name).mkdir(parents=True, exist_ok=True)
        for file in (user / name).glob("*"):
            link = own / name / file.name
            if ".random" not in file.name and not link.exists():
                link.unlink(missing_ok=True)
                link.symlink_to(file)
    return own


def _name(spec: ModelSpec) -> str:
    """Of its entry in a cache, as `trained.with_random_weights` looks for it: a whole run takes it for its own."""
    return f"{spec.name}.random"
