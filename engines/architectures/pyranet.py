"""PyraNet: Yang et al. 2017, "Learning Feature Pyramids for Human Pose Estimation".

Stacked hourglasses of residual blocks with branches at several scales (pyramid residual modules). Variant "b" is that
of the released code and of the published results; "a", "c" and "d" are from the paper's description alone.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from posestream.engines.architectures.pose_network import Network
from posestream.engines.architectures.preactivated import Hourglass, Place, first, linear, run_stacks

REDUCED: Mapping[str, int] = {"stacks": 1, "channels": 72, "cardinality": 2}

_DEPTH = 4


class Kind(NamedTuple):
    """The kind of a pyramid: a reduction for each level or one for all, concatenated or summed, dilated or pooled."""

    own_reductions: bool = False
    joined: bool = False
    dilated: bool = False


KINDS: Mapping[str, Kind] = {
    "a": Kind(own_reductions=True),
    "b": Kind(),
    "c": Kind(joined=True),
    "d": Kind(dilated=True),
}


class Shape(NamedTuple):
    """The kind of all pyramids, their levels (the paper's cardinality), and outputs for each of their channels."""

    kind: Kind
    levels: int
    base_width: int


def build(
    variant: str, *, joints: int = 16, stacks: int = 8, channels: int = 256, base_width: int = 9, cardinality: int = 4
) -> "PyraNet":
    """16 joints are MPII's; a pyramid of o outputs has o // `base_width` channels at each of `cardinality` levels."""
    return PyraNet(stacks, joints, channels, Shape(KINDS[variant], cardinality, base_width))


class FractionalPool(nn.Module):
    """The maxima of 2x2 windows 1 / `ratio` apart; sides become floor(side * `ratio`).

    Graham 2014, "Fractional Max-Pooling", draws the windows at random, and so does the released code, in tests too.
    Here they are those of its pseudo-random sequence at 0.5, so that the same image gives the same poses.
    """

    def __init__(self, ratio: float) -> None:
        super().__init__()
        self.ratio = ratio

    def forward(self, features: Tensor) -> Tensor:
        rows, columns = (torch.tensor(places(side, self.ratio), device=features.device) for side in features.shape[2:])
        features = torch.maximum(features.index_select(2, rows), features.index_select(2, rows + 1))
        return torch.maximum(features.index_select(3, columns), features.index_select(3, columns + 1))


def places(side: int, ratio: float) -> list[int]:
    """The starts of windows of two along a side, from its first to its last value."""
    count = max(math.floor(side * ratio), 1)
    if count == 1:
        return [0]
    reach, steps = side - 2, 2 * (count - 1)  # half steps, in integers to be exact
    starts = [(2 * i + 1) * reach // steps - reach // steps for i in range(count)]
    return [*starts[:-1], reach]


class Pyramid(nn.Module):
    """Convolutions of the input at several scales, resized to its size and summed; activation to activation."""

    def __init__(self, channels_in: int, width: int, channels_out: int, shape: Shape) -> None:
        super().__init__()
        kind, levels = shape.kind, range(1, shape.levels + 1)
        self.joined = kind.joined
        self.reductions = nn.ModuleList(
            linear(channels_in, width) for _ in range(shape.levels if kind.own_reductions else 1)
        )
        self.pools = nn.ModuleList(
            nn.Identity() if kind.dilated else FractionalPool(2 ** (-level / shape.levels)) for level in levels
        )
        dilations = [level if kind.dilated else 1 for level in levels]
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=d, dilation=d) for d in dilations)
        together = width * shape.levels if kind.joined else width
        self.activation = nn.Sequential(nn.BatchNorm2d(together), nn.ReLU())
        self.expansion = nn.Conv2d(together, channels_out, 1)

    def forward(self, features: Tensor) -> Tensor:
        reduced = [reduction(features) for reduction in self.reductions]
        levels = []
        for i, (pool, conv) in enumerate(zip(self.pools, self.convs, strict=True)):
            level = conv(pool(reduced[min(i, len(reduced) - 1)]))
            # Torch7 aligns the centres of the corners.
            levels.append(functional.interpolate(level, features.shape[2:], mode="bilinear", align_corners=True))
        together = torch.cat(levels, dim=1) if self.joined else sum(levels[1:], levels[0])
        expanded: Tensor = self.expansion(self.activation(together))
        return expanded


class PyramidResidual(nn.Module):
    """1x1 and 3x3 at half the channels, in parallel a pyramid unless `shape` is None, then 1x1; a skip connection.

    The skip has a convolution if channels differ or with `skip_conv`, normalised before it, which keeps the variance of
    stacked blocks from growing. `preactivated` is False for the block after the stem, whose input is activated already.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        shape: Shape | None,
        *,
        skip_conv: bool = False,
        preactivated: bool = True,
    ) -> None:
        super().__init__()
        half = channels_out // 2
        self.main = nn.Sequential(
            *(_activated(channels_in) if preactivated else ()),
            linear(channels_in, half),
            nn.Conv2d(half, half, 3, padding=1),
        )
        self.pyramid = None
        if shape is not None:
            before = _activated(channels_in) if preactivated else ()
            width = max(channels_out // shape.base_width, 1)
            self.pyramid = nn.Sequential(*before, Pyramid(channels_in, width, half, shape))
        self.expansion = nn.Sequential(*_activated(half), nn.Conv2d(half, channels_out, 1))
        self.skip: nn.Module = nn.Identity()
        if skip_conv or channels_in != channels_out:
            self.skip = nn.Sequential(*_activated(channels_in), nn.Conv2d(channels_in, channels_out, 1))

    def forward(self, features: Tensor) -> Tensor:
        narrow = self.main(features)
        if self.pyramid is not None:
            narrow = narrow + self.pyramid(features)
        wide: Tensor = self.skip(features) + self.expansion(narrow)
        return wide


def _activated(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(channels), nn.ReLU()


class PyraNet(Network):
    """Heat maps (N, joints, H / 4, W / 4) of every stack."""

    multiple_px = 64
    min_px = 64

    def __init__(self, stacks: int, joints: int, channels: int, shape: Shape) -> None:
        super().__init__()
        quarter, half = channels // 4, channels // 2
        self.stem = nn.Sequential(
            first(quarter, stride=2),
            PyramidResidual(quarter, half, shape, preactivated=False),
            nn.MaxPool2d(2),
            PyramidResidual(half, half, shape),
            PyramidResidual(half, channels, shape),
        )
        self.hourglasses = nn.ModuleList(
            Hourglass(_DEPTH, lambda place, depth: _block(place, depth, channels, shape)) for _ in range(stacks)
        )
        self.features = nn.ModuleList(
            nn.Sequential(*_activated(channels), linear(channels, channels)) for _ in range(stacks)
        )
        self.outs = nn.ModuleList(nn.Conv2d(channels, joints, 1) for _ in range(stacks))
        self.merge_features = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(stacks - 1))
        self.merge_maps = nn.ModuleList(nn.Conv2d(joints, channels, 1) for _ in range(stacks - 1))
        _initialise(self)

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        merges = self.merge_features, self.merge_maps
        return run_stacks(self.stem(images), self.hourglasses, self.features, self.outs, *merges)

    def decoded(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The last stack's maps."""
        return outputs[-1:]


def _block(place: Place, depth: int, channels: int, shape: Shape) -> nn.Module:
    """Blocks with pyramids at high resolutions: in the skip branch from depth 2, on the main path from depth 3."""
    with_pyramid = depth >= (2 if place == "up1" else 3)
    return PyramidResidual(channels, channels, shape if with_pyramid else None, skip_conv=place == "low3")


def _initialise(network: nn.Module) -> None:
    """Normal weights of variance 2 / (branches * fan in), biases 0: a sum of branches has the variance of one.

    The paper's initialisation of networks with branches; its released code counts the levels of a pyramid as branches.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in network.modules():
        if isinstance(module, Pyramid) and not module.joined:
            with torch.no_grad():
                module.expansion.weight.div_(math.sqrt(len(module.convs)))
