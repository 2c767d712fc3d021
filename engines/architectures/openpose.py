"""Part affinity fields on a MobileNet trunk: the lightweight OpenPose.

Osokin 2018, "Real-time 2D Multi-Person Pose Estimation on CPU: Lightweight OpenPose", after Cao et al. 2017,
"Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields". The two branches of 7x7 convolutions of the
original share all but the last two layers here, and 7x7 is replaced by 1x1, 3x3 and dilated 3x3.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from posestream.engines.architectures.pose_network import Network


class Size(NamedTuple):
    """The channels of the trunk's first layer and of the stages, and the number of stages after the initial one.

    The published network was trained with three refinement stages and runs with the first of them.
    """

    width: int
    features: int
    refinements: int


VARIANTS: Mapping[str, Size] = {"default": Size(width=32, features=128, refinements=1)}

REDUCED: Mapping[str, int] = {"width": 8, "features": 64}


def build(
    variant: str,
    *,
    joints: int = 18,
    limbs: int = 19,
    refinements: int | None = None,
    width: int | None = None,
    features: int | None = None,
) -> "LightweightOpenPose":
    """The network of `variant`, with published values for options of None. The background adds a map to the joints'."""
    size = VARIANTS[variant]
    return LightweightOpenPose(
        Size(width or size.width, features or size.features, refinements or size.refinements), joints + 1, 2 * limbs
    )


class LightweightOpenPose(Network):
    """Images -> heat maps (N, joints + 1, H/8, W/8) and fields (N, 2 limbs, H/8, W/8) of each stage, in turn.

    The last heat map is the background; fields are x, y of each limb in turn. The last stage is decoded.
    """

    multiple_px = 8

    def __init__(self, size: Size, heatmaps: int, fields: int) -> None:
        super().__init__()
        self.trunk = _mobilenet(size.width)
        self.neck = _Neck(16 * size.width, size.features)
        self.initial = _InitialStage(size.features, heatmaps, fields)
        stages = [_RefinementStage(size.features, heatmaps, fields) for _ in range(size.refinements)]
        self.refinements = nn.ModuleList(stages)

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        features = self.neck(self.trunk(images))
        outputs: tuple[Tensor, ...] = self.initial(features)
        for stage in self.refinements:
            outputs += stage(torch.cat([features, *outputs[-2:]], dim=1))
        return outputs

    def decoded(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return outputs[-2:]


# MobileNet v1 (Howard et al. 2017) up to its layer 5_5: channels in widths, stride, dilation. Stride 16 of the original
# is stride 8 here, and the layer after it is dilated instead.
_TRUNK = ((2, 1, 1), (4, 2, 1), (4, 1, 1), (8, 2, 1), (8, 1, 1), (16, 1, 1), (16, 1, 2), *((16, 1, 1),) * 4)


def _mobilenet(width: int) -> nn.Sequential:
    layers = [_convolution(3, width, 3, stride=2, bias=False, norm=True)]
    channels = width
    for factor, stride, dilation in _TRUNK:
        layers.append(_separable(channels, factor * width, stride, dilation))
        channels = factor * width
    return nn.Sequential(*layers)


class _Neck(nn.Module):
    """Reduction of the trunk's channels, with a residual branch of separable convolutions. No batch normalisation."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.align = _convolution(channels_in, channels, 1)
        self.trunk = nn.Sequential(*(_separable_elu(channels) for _ in range(3)))
        self.conv = _convolution(channels, channels, 3)

    def forward(self, features: Tensor) -> Tensor:
        aligned = self.align(features)
        out: Tensor = self.conv(aligned + self.trunk(aligned))
        return out


class _Stage(nn.Module):
    """Shared layers, then two 1x1 convolutions to heat maps and two to fields."""

    def __init__(self, trunk: nn.Sequential, channels: int, hidden: int, heatmaps: int, fields: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.heatmaps = _head(channels, hidden, heatmaps)
        self.fields = _head(channels, hidden, fields)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        shared = self.trunk(features)
        return self.heatmaps(shared), self.fields(shared)


class _InitialStage(_Stage):
    """Three 3x3 convolutions; its heads are four times as wide. No batch normalisation."""

    def __init__(self, features: int, heatmaps: int, fields: int) -> None:
        trunk = nn.Sequential(*(_convolution(features, features, 3) for _ in range(3)))
        super().__init__(trunk, features, 4 * features, heatmaps, fields)


class _RefinementStage(_Stage):
    """Five residual blocks over the features, heat maps and fields of the stage before."""

    def __init__(self, features: int, heatmaps: int, fields: int) -> None:
        first = _RefinementBlock(features + heatmaps + fields, features)
        trunk = nn.Sequential(first, *(_RefinementBlock(features, features) for _ in range(4)))
        super().__init__(trunk, features, features, heatmaps, fields)


class _RefinementBlock(nn.Module):
    """1x1, then a residual branch of a 3x3 and a dilated 3x3, in place of the original's 7x7.

    The convolutions of the branch have a bias as well as batch normalisation.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.initial = _convolution(channels_in, channels, 1)
        self.trunk = nn.Sequential(
            _convolution(channels, channels, 3, norm=True), _convolution(channels, channels, 3, dilation=2, norm=True)
        )

    def forward(self, features: Tensor) -> Tensor:
        narrow = self.initial(features)
        out: Tensor = narrow + self.trunk(narrow)
        return out


def _head(channels: int, hidden: int, maps: int) -> nn.Sequential:
    return nn.Sequential(_convolution(channels, hidden, 1), _convolution(hidden, maps, 1, active=False))


def _convolution(
    channels_in: int,
    channels_out: int,
    side: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    bias: bool = True,
    norm: bool = False,
    active: bool = True,
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(channels_in, channels_out, side, stride, side // 2 * dilation, dilation, bias=bias)
    ]
    if norm:
        layers.append(nn.BatchNorm2d(channels_out))
    if active:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def _depthwise(channels: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, stride, dilation, dilation, groups=channels, bias=False)


def _separable(channels_in: int, channels_out: int, stride: int, dilation: int) -> nn.Sequential:
    """MobileNet's layer: a depthwise 3x3 convolution, then a 1x1 convolution."""
    return nn.Sequential(
        _depthwise(channels_in, stride, dilation),
        nn.BatchNorm2d(channels_in),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels_in, channels_out, 1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


def _separable_elu(channels: int) -> nn.Sequential:
    return nn.Sequential(
        _depthwise(channels), nn.ELU(inplace=True), nn.Conv2d(channels, channels, 1, bias=False), nn.ELU(inplace=True)
    )
