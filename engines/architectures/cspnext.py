"""CSPNeXt trunks: Lyu et al. 2022, "RTMDet: An Empirical Study of Designing Real-Time Object Detectors", section 3.2.

Cross-stage-partial stages (Wang et al. 2020) of blocks with a 5x5 depthwise convolution, channel attention at the end
of each stage, SiLU throughout.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

_STAGES = 4


class Size(NamedTuple):
    """The channels of the stem, which double in each stage, and the number of blocks in each stage."""

    width: int
    blocks: tuple[int, int, int, int]


class CSPNeXt(nn.Module):
    """Images (N, 3, H, W) -> features (N, `channels`, H/32, W/32)."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        width = size.width
        self.channels = width * 2**_STAGES
        self.stem = nn.Sequential(
            Unit(3, width // 2, 3, stride=2), Unit(width // 2, width // 2, 3), Unit(width // 2, width, 3)
        )
        stages = []
        for i, blocks in enumerate(size.blocks):
            channels = width * 2 ** (i + 1)
            last = i == _STAGES - 1
            layers: list[nn.Module] = [Unit(channels // 2, channels, 3, stride=2)]
            layers += [_PyramidPooling(channels)] if last else []
            layers += [_PartialStage(channels, blocks, identity=not last)]
            stages.append(nn.Sequential(*layers))
        self.stages = nn.Sequential(*stages)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.stages(self.stem(images))
        return features


class Unit(nn.Module):
    """Convolution without bias, batch normalisation, SiLU.

    The epsilon of the normalisation is 1e-5, unlike 1e-3 in RTMDet's own trunk.
    """

    def __init__(self, channels_in: int, channels_out: int, side: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, side, stride, side // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(channels_out)
        self.act = nn.SiLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.act(self.bn(self.conv(features)))
        return out


class _PyramidPooling(nn.Module):
    """Spatial pyramid pooling: the features beside their maxima over 5x5, 9x9 and 13x13."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = Unit(channels, channels // 2, 1)
        self.pools = nn.ModuleList([nn.MaxPool2d(side, 1, side // 2) for side in (5, 9, 13)])
        self.conv2 = Unit(4 * (channels // 2), channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        narrow = self.conv1(features)
        out: Tensor = self.conv2(torch.cat([narrow, *(pool(narrow) for pool in self.pools)], dim=1))
        return out


class _PartialStage(nn.Module):
    """Blocks on half of the channels, a bypass of the other half, and channel attention over both."""

    def __init__(self, channels: int, blocks: int, *, identity: bool) -> None:
        super().__init__()
        half = channels // 2
        self.main_conv = Unit(channels, half, 1)
        self.short_conv = Unit(channels, half, 1)
        self.blocks = nn.Sequential(*(_Block(half, identity=identity) for _ in range(blocks)))
        self.attention = _ChannelAttention(2 * half)
        self.final_conv = Unit(2 * half, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        both = torch.cat([self.blocks(self.main_conv(features)), self.short_conv(features)], dim=1)
        out: Tensor = self.final_conv(self.attention(both))
        return out


class _Block(nn.Module):
    """3x3, then a depthwise 5x5 and a 1x1; with `identity` the input is added."""

    def __init__(self, channels: int, *, identity: bool) -> None:
        super().__init__()
        self.conv1 = Unit(channels, channels, 3)
        self.depthwise = Unit(channels, channels, 5, groups=channels)
        self.pointwise = Unit(channels, channels, 1)
        self._identity = identity

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.pointwise(self.depthwise(self.conv1(features)))
        return out + features if self._identity else out


class _ChannelAttention(nn.Module):
    """Channels weighted from 0 to 1 by a linear layer of the means of all channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)
        self.gate = nn.Hardsigmoid()
        nn.init.zeros_(self.fc.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        weights: Tensor = self.gate(self.fc(features.mean(dim=(2, 3), keepdim=True)))
        return features * weights
