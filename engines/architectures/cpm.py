"""CPM: Wei et al. 2016, "Convolutional Pose Machines".

The input of each stage are image features and the beliefs of the stage before. Three forms were released: for LSP and
MPII with six stages, for FLIC with four, and a later one on a VGG trunk.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from posestream.engines.architectures.pose_network import Network

REDUCED: Mapping[str, int] = {"stages": 2, "width": 32}

_SIGMA_PX = 21.0  # of the centre map
_WINDOW_PX, _STRIDE_PX = 9, 8  # of its pooling

# The indices of our skeletons' joints among the released maps: head, neck, right arm, left arm, right leg, left leg,
# each from the trunk outwards; the order of FLIC's nine is ours.
_LSP14 = (10, 9, 8, 11, 12, 13, 4, 3, 2, 5, 6, 7, 1, 0)
_FLIC9 = tuple(range(9))


Layer: TypeAlias = Callable[[int, int, int], nn.Sequential]
"""Channels in, channels out, kernel side -> a convolution with its normalisation and activation."""


class Form(NamedTuple):
    """A released network: its stages, the map of each joint before the background, and whether its trunk is VGG's."""

    stages: int
    order: tuple[int, ...]
    vgg: bool = False


FORMS: Mapping[str, Form] = {"lsp": Form(6, _LSP14), "flic": Form(4, _FLIC9), "vgg": Form(6, _LSP14, vgg=True)}


def build(
    variant: str, *, joints: int | None = None, stages: int | None = None, width: int = 128, plain: bool = False
) -> "PoseMachine":
    """`width` is the channels of most layers. With another number of `joints` than the published one, maps are in
    order.

    `plain` is mmpose's form: batch normalisation, pooling padded by 1, no background, and no centre map, since the crop
    already selects the person.
    """
    form = FORMS[variant]
    order = form.order if joints in (None, len(form.order)) and not plain else tuple(range(joints or len(form.order)))
    return PoseMachine(stages or form.stages, order, width, vgg=form.vgg, plain=plain)


class PoseMachine(Network):
    """Belief maps (N, joints + 1, H / 8, W / 8) of every stage, the background last; those of the last stage's joints
    are decoded.

    A centre map in the input of the stages selects the person in the middle of the image.
    """

    multiple_px = 8
    min_px = 72

    def __init__(self, stages: int, order: Sequence[int], width: int, *, vgg: bool, plain: bool) -> None:
        super().__init__()
        maps = len(order) + (not plain)
        self.plain = plain
        self.register_buffer("order", torch.tensor([*order, *range(len(order), maps)]), persistent=False)
        conv = _normalised if plain else _conv
        self.trunk = vgg_trunk(width, conv) if vgg else large_trunk(width, conv)
        features = width if vgg else width // 4
        self.first = nn.Sequential(
            *(() if vgg else (conv(width, features, 5), conv(features, 4 * width, 9))),
            conv(width if vgg else 4 * width, 4 * width, 1),
            nn.Conv2d(4 * width, maps, 1),
        )
        # A second trunk with weights of its own serves all stages but the first, each through its own convolution.
        self.later_trunk = nn.Identity() if vgg else large_trunk(width, conv)
        later = range(stages - 1)
        self.reductions = nn.ModuleList(nn.Identity() if vgg else conv(width, features, 5) for _ in later)
        channels = features + maps + (not plain)
        side, layers = (7, 5) if vgg else (11, 3)
        self.stages = nn.ModuleList(_stage([channels] + [width] * layers, side, maps, conv) for _ in later)
        _initialise(self)

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        features = self.trunk(images)
        beliefs = [self.first(features)]
        shared = features if isinstance(self.later_trunk, nn.Identity) else self.later_trunk(images)
        centre = [] if self.plain else [centre_map(images)]
        for reduce, stage in zip(self.reductions, self.stages, strict=True):
            beliefs.append(stage(torch.cat([reduce(shared), beliefs[-1], *centre], dim=1)))
        return tuple(belief.index_select(1, self.get_buffer("order")) for belief in beliefs)

    def decoded(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The last stage's beliefs of joints."""
        return (outputs[-1] if self.plain else outputs[-1][:, :-1],)


def centre_map(images: Tensor) -> Tensor:
    """(N, 1, H / 8, W / 8): a Gaussian of 21 px about the middle of images, averaged over 9 x 9 px at each eighth."""
    height, width = (
        torch.tensor(centre_profile(side), device=images.device, dtype=images.dtype) for side in images.shape[2:]
    )
    return (height[:, None] * width).expand(images.shape[0], 1, -1, -1)


def centre_profile(side_px: int) -> list[float]:
    """The centre map along one axis; the Gaussian over both axes is the product. Pixels count from 1, the centre is
    half the side.
    """
    gaussian = [math.exp(-((i + 1 - side_px / 2) ** 2) / (2 * _SIGMA_PX**2)) for i in range(side_px)]
    windows = [gaussian[start : start + _WINDOW_PX] for start in range(0, side_px - _STRIDE_PX + 1, _STRIDE_PX)]
    return [sum(window) / len(window) for window in windows]


def large_trunk(width: int, conv: Layer) -> nn.Sequential:
    """Three convolutions of 9 x 9, each pooled; Caffe rounds sides up without padding."""
    pool = nn.MaxPool2d(3, 2, 1) if conv is _normalised else nn.MaxPool2d(3, 2, 0, ceil_mode=True)
    channels = (3, width, width, width)
    return nn.Sequential(*(nn.Sequential(conv(channels[i], channels[i + 1], 9), pool) for i in range(3)))


def vgg_trunk(width: int, conv: Layer) -> nn.Sequential:
    """VGG-19 up to its tenth convolution, and five more that narrow."""
    blocks = ((2, width // 2), (2, width), (4, 2 * width), (2, 4 * width), (4, 2 * width), (1, width))
    layers: list[nn.Module] = []
    channels = 3
    for i, (count, wide) in enumerate(blocks):
        for _ in range(count):
            layers.append(conv(channels, wide, 3))
            channels = wide
        if i < 3:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def _stage(channels: Sequence[int], side: int, maps: int, conv: Layer) -> nn.Sequential:
    wide = [conv(before, after, side) for before, after in itertools.pairwise(channels)]
    return nn.Sequential(*wide, conv(channels[-1], channels[-1], 1), nn.Conv2d(channels[-1], maps, 1))


def _conv(channels_in: int, channels_out: int, side: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, side, padding=side // 2), nn.ReLU())


def _normalised(channels_in: int, channels_out: int, side: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels_in, channels_out, side, padding=side // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.ReLU())


def _initialise(network: nn.Module) -> None:
    """He et al. 2015, biases 0: without it so many wide layers without normalisation do not train from scratch."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
