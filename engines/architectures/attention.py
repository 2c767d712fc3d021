"""Multi-context attention: Chu et al. 2017, "Multi-Context Attention for Human Pose Estimation".

Stacked hourglasses whose features are weighted by attention maps: one of the whole body (holistic) in each stack, and
one of each part in the second half of the stacks.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from posestream.engines.architectures.pose_network import Network
from posestream.engines.architectures.preactivated import Hourglass, Place, Residual, first, linear

REDUCED: Mapping[str, int] = {"stacks": 2, "channels": 32}

_DEPTH = 4
_STEPS = 3  # of the mean field
_KERNEL = 11  # of the message between neighbours


def build(
    _variant: str, *, joints: int = 16, stacks: int = 8, channels: int = 256, multi_resolution: bool = False
) -> "AttentionHourglass":
    """16 joints are MPII's.

    `multi_resolution` is in the paper but not in the released code: the attention of a stack is the sum of attention
    maps at all resolutions of its hourglass, in a form of ours after the text.
    """
    return AttentionHourglass(stacks, joints, channels, multi_resolution=multi_resolution)


class HourglassResidual(Residual):
    """A residual block with a third branch at half the resolution (the paper's hourglass residual unit)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)
        self.pooled = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.Upsample(scale_factor=2.0, mode="nearest"),
        )

    def forward(self, features: Tensor) -> Tensor:
        wide: Tensor = super().forward(features) + self.pooled(features)
        return wide


class CrfAttention(nn.Module):
    """Features weighted by an attention map (N, 1, h, w) that a conditional random field has smoothed.

    Three mean-field steps, Q <- sigmoid(K * Q + U) from Q = U, with a shared 11x11 kernel K between neighbours and the
    unary term U, a convolution of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.unary = nn.Conv2d(channels, 1, 3, padding=1)
        self.pairwise = nn.Conv2d(1, 1, _KERNEL, padding=_KERNEL // 2)

    def forward(self, features: Tensor) -> Tensor:
        return features * self.attention(features)

    def attention(self, features: Tensor) -> Tensor:
        """The map itself, 0 to 1."""
        unary: Tensor = self.unary(features)
        belief = unary
        for _ in range(_STEPS):
            belief = torch.sigmoid(self.pairwise(belief) + unary)
        return belief


class PartAttention(nn.Module):
    """The map of each part, from features weighted by the part's own attention."""

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__()
        self.attentions = nn.ModuleList(CrfAttention(channels) for _ in range(joints))
        self.outs = nn.ModuleList(nn.Conv2d(channels, 1, 1) for _ in range(joints))

    def forward(self, features: Tensor) -> Tensor:
        pairs = zip(self.attentions, self.outs, strict=True)
        return torch.cat([out(attention(features)) for attention, out in pairs], dim=1)


class _Stack(nn.Module):
    """An hourglass, attention, maps, and the input of the next stack; the `last` stack is twice as wide."""

    def __init__(self, channels: int, joints: int, *, parts: bool, last: bool, multi_resolution: bool) -> None:
        super().__init__()
        wide = 2 * channels if last else channels
        self.hourglass = Hourglass(_DEPTH, lambda place, depth: _block(place, depth, channels))
        self.first = linear(channels, wide)
        self.second = linear(wide, wide)
        self.holistic = CrfAttention(wide)
        levels = _DEPTH if multi_resolution else 0
        self.coarser = nn.ModuleList(CrfAttention(channels) for _ in range(levels))
        self.out = PartAttention(wide, joints) if parts else nn.Conv2d(wide, joints, 1)
        self.onward = None if last else nn.ModuleList([nn.Conv2d(joints, channels, 1), linear(channels, channels)])

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Maps, and the input of the next stack."""
        finest, *coarser = self.hourglass.levels(inputs)
        features = self.first(finest)
        wide = self.second(features)
        attention = self.holistic.attention(wide)
        for attend, level in zip(self.coarser, coarser, strict=False):
            attended = attend.attention(level)  # type: ignore[operator]
            attention = attention + functional.interpolate(attended, attention.shape[2:])
        maps = self.out(wide * attention)
        if self.onward is None:
            return maps, inputs
        return maps, inputs + self.onward[0](maps) + self.onward[1](features)


def _block(place: Place, depth: int, channels: int) -> nn.Module:
    """A residual block, with the more hourglass residuals in the skip branch, the higher the resolution."""
    extra = max(depth - 2, 0) if place == "up1" else 0
    return nn.Sequential(Residual(channels, channels), *(HourglassResidual(channels) for _ in range(extra)))


class AttentionHourglass(Network):
    """Heat maps (N, joints, H / 4, W / 4) of every stack."""

    multiple_px = 64
    min_px = 64

    def __init__(self, stacks: int, joints: int, channels: int, *, multi_resolution: bool) -> None:
        super().__init__()
        quarter, half = channels // 4, channels // 2
        self.stem = nn.Sequential(
            first(quarter, stride=1),
            Residual(quarter, quarter),
            nn.MaxPool2d(2),
            Residual(quarter, quarter),
            Residual(quarter, half),
            nn.MaxPool2d(2),
            Residual(half, half),
            Residual(half, half),
            Residual(half, channels),
        )
        self.stacks = nn.ModuleList(
            _Stack(channels, joints, parts=2 * i >= stacks, last=i == stacks - 1, multi_resolution=multi_resolution)
            for i in range(stacks)
        )

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        features = self.stem(images)
        outputs = []
        for stack in self.stacks:
            maps, features = stack(features)
            outputs.append(maps)
        return tuple(outputs)

    def decoded(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The last stack's maps."""
        return outputs[-1:]
