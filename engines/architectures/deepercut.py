"""DeeperCut: Insafutdinov et al. 2016, "DeeperCut: A Deeper, Stronger, and Faster Multi-Person Pose Estimation Model".

A ResNet whose last stage dilates by 2 instead of striding, and three heads at stride 8: scores of the parts, refinement
of their location, and from each part the offsets to all others. A head is a transposed convolution of the last stage
and a 1x1 convolution of the second one, added. Strides, pooling and alignment are those of the authors' Caffe networks.
"""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from posestream.engines.architectures.pose_network import Network
from posestream.engines.architectures.resnet import DEPTHS, Depth, ResNet, StridePlace

VARIANTS: Mapping[str, Depth] = {"r101": DEPTHS[101], "r152": DEPTHS[152]}
REDUCED: Mapping[str, int] = {"width": 16, "blocks": 1}


class Head(nn.Module):
    """Features at strides 8 and 16 -> maps at stride 8.

    The transposed convolution has no padding: cell i contributes to cells 2i to 2i + 2. Cells beyond the right and
    lower edge are cut off.
    """

    def __init__(self, channels_16: int, channels_8: int | None, maps: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels_16, maps, 3, 2)
        self.skip = None if channels_8 is None else nn.Conv2d(channels_8, maps, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, features_16: Tensor, features_8: Tensor) -> Tensor:
        """Maps (N, maps, H / 8, W / 8)."""
        up: Tensor = self.up(features_16)
        if self.skip is None:
            return up[:, :, :-1, :-1]
        skip: Tensor = self.skip(features_8)
        return skip + up[:, :, : skip.shape[2], : skip.shape[3]]


class _Maps(NamedTuple):
    """The number of maps of each head for K joints."""

    scores: int
    locref: int
    pairwise: int

    @classmethod
    def of(cls, joints: int) -> "_Maps":
        return cls(joints, 2 * joints, 2 * joints * (joints - 1))


class DeeperCut(Network):
    """Images -> logits of part scores (N, K, h, w), location refinement (N, 2K, h, w), pairwise (N, 2K(K-1), h, w).

    h, w are H / 8, W / 8. Channels 2k, 2k + 1 of the refinement are x, y from a cell to joint k over 7.2801 px; those
    of pair p (`engines.codecs.pairwise_table.pair_index`) are x, y from a cell of the first joint to the second,
    normalised. The single-person form has no pairwise head. Decoded outputs are probabilities, not logits.
    """

    multiple_px = 8
    min_px = 8

    def __init__(self, depth: Depth, joints: int, width: int, *, single: bool, tensorflow: bool) -> None:
        super().__init__()
        stride_on: StridePlace = "last-3x3" if tensorflow else "first-1x1"
        self.trunk = ResNet(depth, stride_on=stride_on, ceil_pool=True, dilated=1, width=width)
        channels_8, channels_16 = self.trunk.channels[1], self.trunk.channels[3]
        maps = _Maps.of(joints)
        skip = None if tensorflow else channels_8
        self.scores = Head(channels_16, skip, maps.scores)
        self.locref = Head(channels_16, skip, maps.locref)
        self.pairwise = None if single else Head(channels_16, skip, maps.pairwise)
        if tensorflow:
            self.multiple_px = self.min_px = 16  # without the skip no tensor has the size to cut to

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        _, features_8, _, features_16 = self.trunk(images)
        heads = (self.scores, self.locref) if self.pairwise is None else (self.scores, self.locref, self.pairwise)
        return tuple(head(features_16, features_8) for head in heads)

    def decoded(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (outputs[0].sigmoid(), *outputs[1:])


def build(
    variant: str,
    *,
    joints: int = 14,
    single: bool = False,
    tensorflow: bool = False,
    width: int = 64,
    blocks: int | None = None,
) -> DeeperCut:
    """The network of a variant of `VARIANTS`.

    `single`: no pairwise head. `tensorflow`: the authors' later form, without the 1x1 convolutions of the second stage
    and with strides in the last block of a stage; images must then be multiples of 16 px. For small forms `width` is
    the channels of the stem and `blocks` the maximum number of blocks in a stage.
    """
    depth = VARIANTS[variant]
    if blocks is not None:
        one, two, three, four = (min(blocks, stage) for stage in depth.blocks)
        depth = depth._replace(blocks=(one, two, three, four))
    return DeeperCut(depth, joints, width, single=bool(single), tensorflow=bool(tensorflow))
