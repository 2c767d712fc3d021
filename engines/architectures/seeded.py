"""Networks with reproducible random weights, and networks without weights."""

from typing import Any

import torch

from posestream.engines.architectures import create
from posestream.engines.architectures.pose_network import Network


def on_meta(name: str, variant: str | None = None, **options: Any) -> Network:
    """As `create`, on torch's meta device: tensors have shapes without values, which takes no time or memory."""
    with torch.device("meta"):
        return create(name, variant, **options)


def seeded(seed: int, name: str, variant: str | None = None, **options: Any) -> Network:
    """As `create`, with weights drawn from `seed`; the state of torch's random generator does not change."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        return create(name, variant, **options)
