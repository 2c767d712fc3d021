"""Losses of the networks, from their outputs and the targets of their codecs.

A file holds a loss or a family of them, with paper and equation. Importing this package imports no torch.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

    Loss: TypeAlias = Callable[[tuple[Tensor, ...], tuple[Tensor, ...]], Tensor]

_FILES: Mapping[str, str] = {
    "jain2014": "patches",
    "cpm": "beliefs",
    "deepercut": "deepercut_loss",
    "hourglass": "heatmaps",
    "attention": "heatmaps",
    "pyranet": "heatmaps",
    "rmpe": "heatmaps",
    "hrnet": "heatmaps",
    "higherhrnet": "tag_loss",
    "openpose": "fields",
    "rtmpose": "simcc_loss",
}


def loss_for(architecture: str) -> "Loss":
    """The loss of an architecture: all outputs of `Network.forward` and the targets of `Encoder.encode` -> a scalar.

    Targets have a batch axis in front. Needs torch. Raises KeyError where the architecture has no loss.
    """
    loss: Loss = import_module(f"posestream.engines.losses.{_FILES[architecture]}").loss
    return loss
