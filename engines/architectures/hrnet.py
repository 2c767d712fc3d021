"""HRNet: Sun et al. 2019, "Deep High-Resolution Representation Learning for Human Pose Estimation"."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from posestream.engines.architectures.hrnet_trunk import HighResolutionTrunk
from posestream.engines.architectures.pose_network import Network

WIDTHS: Mapping[str, int] = {"w32": 32, "w48": 48}
"""Channels of the finest branch of each variant."""

REDUCED: Mapping[str, int] = {"width": 20, "modules": 1, "blocks": 1}  # fewer channels than joints do not train


def build(variant: str, *, joints: int = 17, width: int | None = None, **trunk: Any) -> "HRNet":
    """17 joints are COCO's, 16 MPII's. `modules` and `blocks` are those of `HighResolutionTrunk`."""
    return HRNet(width or WIDTHS[variant], joints, **trunk)


class HRNet(Network):
    """Heat maps (N, joints, H / 4, W / 4) from the finest branch."""

    multiple_px = 32
    min_px = 32

    def __init__(self, width: int, joints: int, **trunk: int) -> None:
        super().__init__()
        self.trunk = HighResolutionTrunk(width, **trunk)
        self.head = nn.Conv2d(width, joints, 1)
        initialise(self)

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        return (self.head(self.trunk(images)),)


def initialise(network: nn.Module) -> None:
    """As in the authors' code: weights normal with deviation 0.001, biases 0; batch normalisation is the identity."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=0.001)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
