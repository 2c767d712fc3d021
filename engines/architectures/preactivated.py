"""Preactivated blocks of stacked hourglasses: batch normalisation and ReLU before each convolution.

He et al. 2016, "Identity Mappings in Deep Residual Networks"; Newell et al. 2016, "Stacked Hourglass Networks for Human
Pose Estimation", section 3. All convolutions have biases, as in the originals.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

from torch import Tensor, nn
from torch.nn import functional

Place: TypeAlias = Literal["up1", "low1", "low2", "low3"]
Make: TypeAlias = Callable[[Place, int], nn.Module]


class Residual(nn.Module):
    """1x1 to half the channels, 3x3, 1x1; a skip connection, with a 1x1 convolution if channels differ."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        middle = channels_out // 2
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, middle, 1)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, padding=1)
        self.bn3 = nn.BatchNorm2d(middle)
        self.conv3 = nn.Conv2d(middle, channels_out, 1)
        self.relu = nn.ReLU()
        self.skip = nn.Identity() if channels_in == channels_out else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, features: Tensor) -> Tensor:
        branch: Tensor = self.skip(features) + self.branch(features)
        return branch

    def branch(self, features: Tensor) -> Tensor:
        """The residual, without the skip connection."""
        narrow = self.conv1(self.relu(self.bn1(features)))
        narrow = self.conv2(self.relu(self.bn2(narrow)))
        wide: Tensor = self.conv3(self.relu(self.bn3(narrow)))
        return wide


class Hourglass(nn.Module):
    """Pooling to a resolution 2**depth times lower and upsampling back, with a skip branch at each resolution.

    `make` builds the block for a place and depth: `up1` is the skip branch, `low1` before and `low3` after the next
    level, `low2` at the lowest level. Heights and widths must be multiples of 2**depth.
    """

    def __init__(self, depth: int, make: Make) -> None:
        super().__init__()
        self.up1 = make("up1", depth)
        self.low1 = make("low1", depth)
        self.low2 = Hourglass(depth - 1, make) if depth > 1 else make("low2", depth)
        self.low3 = make("low3", depth)

    def forward(self, features: Tensor) -> Tensor:
        return self.levels(features)[0]

    def levels(self, features: Tensor) -> list[Tensor]:
        """The output, and the output of each coarser level, coarsest last."""
        low = self.low1(functional.max_pool2d(features, 2))
        coarser = self.low2.levels(low) if isinstance(self.low2, Hourglass) else [self.low2(low)]
        up = functional.interpolate(self.low3(coarser[0]), scale_factor=2.0, mode="nearest")
        return [self.up1(features) + up, *coarser]


def run_stacks(
    inputs: Tensor,
    hourglasses: nn.ModuleList,
    features: nn.ModuleList,
    outs: nn.ModuleList,
    merge_features: nn.ModuleList,
    merge_maps: nn.ModuleList,
) -> tuple[Tensor, ...]:
    """The maps of every stack, from its modules; its features and maps are merged into the next stack's input."""
    maps: list[Tensor] = []
    for i, hourglass in enumerate(hourglasses):
        hidden = features[i](hourglass(inputs))
        maps.append(outs[i](hidden))
        if i < len(merge_features):
            inputs = inputs + merge_features[i](hidden) + merge_maps[i](maps[-1])
    return tuple(maps)


def linear(channels_in: int, channels_out: int) -> nn.Sequential:
    """A 1x1 convolution, batch normalisation, ReLU."""
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, 1), nn.BatchNorm2d(channels_out), nn.ReLU())


def first(channels_out: int, stride: int) -> nn.Sequential:
    """A 7x7 convolution of the image, batch normalisation, ReLU."""
    return nn.Sequential(nn.Conv2d(3, channels_out, 7, stride, 3), nn.BatchNorm2d(channels_out), nn.ReLU())
