"""HigherHRNet: Cheng et al. 2020, "Scale-Aware Representation Learning for Bottom-Up Human Pose Estimation".

HRNet's trunk, and a transposed convolution that doubles the resolution once more. Joints are grouped into people by
their tags: Newell et al. 2017, "Associative Embedding: End-to-End Learning for Joint Detection and Grouping".
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from posestream.engines.architectures.hrnet import initialise
from posestream.engines.architectures.hrnet_trunk import HighResolutionTrunk
from posestream.engines.architectures.pose_network import Network
from posestream.engines.architectures.resnet import BasicBlock, BlockShape

WIDTHS: Mapping[str, int] = {"w32": 32, "w48": 48}
"""Channels of the finest branch of each variant."""

REDUCED: Mapping[str, int] = {"width": 20, "modules": 1, "blocks": 1}  # fewer channels than joints do not train

_BLOCKS = 4  # after the transposed convolution


def build(variant: str, *, joints: int = 17, width: int | None = None, **trunk: Any) -> "HigherHRNet":
    """`modules` and `blocks` are those of `HighResolutionTrunk`."""
    return HigherHRNet(width or WIDTHS[variant], joints, **trunk)


class HigherHRNet(Network):
    """Maps of joints and their tags (N, 2 * joints, H / 4, W / 4), and maps of joints (N, joints, H / 2, W / 2)."""

    multiple_px = 32
    min_px = 64

    def __init__(self, width: int, joints: int, blocks: int = _BLOCKS, **trunk: int) -> None:
        super().__init__()
        self.trunk = HighResolutionTrunk(width, blocks=blocks, **trunk)
        self.coarse_head = nn.Conv2d(width, 2 * joints, 1)
        self.upward = nn.Sequential(
            nn.ConvTranspose2d(width + 2 * joints, width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.refinement = nn.Sequential(*(BasicBlock(BlockShape(width, width, width)) for _ in range(blocks)))
        self.fine_head = nn.Conv2d(width, joints, 1)
        initialise(self)

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        features = self.trunk(images)
        coarse = self.coarse_head(features)
        finer = self.refinement(self.upward(torch.cat([features, coarse], dim=1)))
        return coarse, self.fine_head(finer)
