"""The networks that the check needs: fetched, or made with random weights that give numbers to compare.

Weights drawn at random let a deep network fade out: outputs of 1e-10 agree with anything. So each layer is normalised
by what real crops give there, and the last one scaled so that the largest output is 1.
"""

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.progress import no_progress
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo import resolve
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.download.photographs import photographs
from posestream.engines.zoo.make import from_checkpoint
from tools.benchmark.figures import NotMeasuredError
from tools.gpu_check import people, weight_files
from tools.gpu_check.findings import Findings
from tools.gpu_check.unit import Bench, Unit

if TYPE_CHECKING:
    from posestream.engines.architectures.pose_network import Network

SEED = 0
MAX_CROPS = 16


def measure(bench: Bench, unit: Unit, found: Findings) -> None:
    """The photographs, or a network's weights. Raises WeightsError, NotMeasuredError."""
    began_s = time.monotonic()
    if not unit.network:
        photographs()
        kind = None
    elif (spec := find(unit.network)).fetched:
        resolve.onnx_path(spec, no_progress)
        kind = "trained"
    else:
        trained = _made(bench, spec)
        kind = "trained" if trained else "random, normalised"
        if not trained:
            advice = weight_files.ADVICE.format(spec.name)
            found.note(f"{spec.name} has random weights, as fast as trained ones; {advice}")
    file = unit.network or "the demo's photographs"
    found.row({"file": file, "weights": kind, "s": time.monotonic() - began_s})


def _made(bench: Bench, spec: ModelSpec) -> bool:
    """Sees to it that the network is here, made with random weights at need; whether it is trained.

    Raises NotMeasuredError, or WeightsError where torch, which makes it, is not installed.
    """
    try:
        return weight_files.of(spec.name).trained
    except NotMeasuredError:
        from_checkpoint.need_torch(spec)
    images, _ = people.crops(spec, people.people_of(bench))
    network = normalised(spec, images[:MAX_CROPS])
    from_checkpoint.store(
        spec, from_checkpoint.random_name(spec), network, weights="random"
    )  # a run takes it as its own
    return False


def normalised(spec: ModelSpec, crops: NDArray[Any]) -> "Network":
    """The network with weights from a seed, its layers normalised by what `crops` give there, its outputs up to 1.

    `crops` are images (N, ...) as the network takes them.
    """
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
