"""What each network is trained with: its outputs and the targets that its codec encodes, to one number.

A file holds a loss or a family of them, with the paper and equation. Importing this package imports no torch.
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

    Each target has the batch in front. Needs torch.
    """
    loss: Loss = import_module(f"posestream.engines.losses.{_FILES[architecture]}").loss
    return loss
