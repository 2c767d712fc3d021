"""Where a network's weights are: trained ones if this machine has them, else random ones that the check has made.

Networks with random weights, and what is made of them, lie in a folder of this check's own, <cache>/gpu_check, where no
run of the user's finds them.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from posestream.engines.zoo import resolve
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.make import from_checkpoint
from posestream.engines.zoo.store import artifacts, cache
from tools.benchmark.figures import NotMeasuredError

OWN = "gpu_check"
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
    name = from_checkpoint.random_name(spec)
    if not spec.fetched and (file := artifacts.lookup(name, from_checkpoint.recipe(spec)).onnx):
        return Weights(file, False)
    raise NotMeasuredError(f"{network}: its weights are not here")


def use(network: str) -> None:
    """Has this process, and the runs that it starts, take the check's own cache where a network is not trained here."""
    spec = find(network)
    if not spec.fetched and not resolve.in_cache(spec).onnx:
        os.environ["POSESTREAM_CACHE"] = str(_own_cache(cache.directory()))


def _own_cache(user: Path) -> Path:
    """A cache beside the user's, with links to all that is there but networks with random weights."""
    if user.name == OWN:
        return user
    own = user / OWN
    own.mkdir(exist_ok=True)
    _link(own / "sources", user / "sources")
    for name in ("onnx", "engines"):
        (own / name).mkdir(exist_ok=True)
        for file in (user / name).glob("*"):
            if ".random" not in file.name:
                _link(own / name / file.name, file)
    return own


def _link(link: Path, to: Path) -> None:
    """Makes the link where it, or what it led to, is not there."""
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(to)
