"""Stacked Hourglass: Newell et al. 2016, "Stacked Hourglass Networks for Human Pose Estimation"."""

from collections.abc import Mapping

from torch import Tensor, nn

from posestream.engines.architectures.pose_network import Network
from posestream.engines.architectures.preactivated import Hourglass, Residual, first, linear, run_stacks

STACKS: Mapping[str, int] = {"s1": 1, "s2": 2, "s8": 8}
"""The number of hourglasses in each variant."""

REDUCED: Mapping[str, int] = {"stacks": 1, "channels": 32}

_DEPTH = 4  # poolings from the maps' resolution


def build(variant: str, *, joints: int = 16, stacks: int | None = None, channels: int = 256) -> "StackedHourglass":
    """16 joints are MPII's. `channels`, a multiple of 4, are those of all features between stacks."""
    return StackedHourglass(stacks or STACKS[variant], joints, channels)


class StackedHourglass(Network):
    """Heat maps (N, joints, H / 4, W / 4) of every stack."""

    multiple_px = 64
    min_px = 64

    def __init__(self, stacks: int, joints: int, channels: int) -> None:
        super().__init__()
        quarter, half = channels // 4, channels // 2
        self.pre = nn.Sequential(
            first(quarter, stride=2),
            Residual(quarter, half),
            nn.MaxPool2d(2),
            Residual(half, half),
            Residual(half, channels),
        )
        self.hgs = nn.ModuleList(
            Hourglass(_DEPTH, lambda _place, _depth: Residual(channels, channels)) for _ in range(stacks)
        )
        self.features = nn.ModuleList(
            nn.Sequential(Residual(channels, channels), linear(channels, channels)) for _ in range(stacks)
        )
        self.outs = nn.ModuleList(nn.Conv2d(channels, joints, 1) for _ in range(stacks))
        self.merge_features = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(stacks - 1))
        self.merge_preds = nn.ModuleList(nn.Conv2d(joints, channels, 1) for _ in range(stacks - 1))

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        merges = self.merge_features, self.merge_preds
        return run_stacks(self.pre(images), self.hgs, self.features, self.outs, *merges)

    def decoded(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The last stack's maps."""
        return outputs[-1:]
