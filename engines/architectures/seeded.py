"""A network with random weights that are the same each time, and one without any."""

from typing import Any

import torch

from posestream.engines.architectures import create
from posestream.engines.architectures.pose_network import Network


def outlined(name: str, variant: str | None = None, **options: Any) -> Network:
    """As `create`, with the shapes of its tensors and no values in them: made at once, whatever its size."""
    with torch.device("meta"):
        return create(name, variant, **options)


def seeded(seed: int, name: str, variant: str | None = None, **options: Any) -> Network:
    """As `create`, its weights drawn from `seed`; the program's own random numbers go on as if nothing had been."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        return create(name, variant, **options)
