"""ResNet trunks: He et al. 2016, "Deep Residual Learning for Image Recognition", table 1, without the classifier.

Modules are named as in torchvision. Options cover the differences between trunks of the literature: the convolution
with the stride, rounding of the first pooling, dilation in place of strides, and attention in the residual branches.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from torch import Tensor, nn


class Depth(NamedTuple):
    """The blocks in each of the four stages, bottlenecks (1x1, 3x3, 1x1) or basic ones (3x3, 3x3)."""

    blocks: tuple[int, int, int, int]
    bottleneck: bool = True


DEPTHS: Mapping[int, Depth] = {
    18: Depth((2, 2, 2, 2), bottleneck=False),
    34: Depth((3, 4, 6, 3), bottleneck=False),
    50: Depth((3, 4, 6, 3)),
    101: Depth((3, 4, 23, 3)),
    152: Depth((3, 8, 36, 3)),
}

StridePlace: TypeAlias = Literal["first-1x1", "first-3x3", "last-3x3"]
"""The convolution with the stride of a stage: the 1x1 of its first block (the paper's and Caffe's networks), the 3x3 of
its first block (torchvision; the only choice for basic blocks), or the 3x3 of the last block of the stage before
(TensorFlow's slim)."""

Attention: TypeAlias = Callable[[int, int], nn.Module | None]
"""(index of a block in its stage, channels) -> the module at the end of its residual branch, such as
squeeze-and-excitation, or None."""


@dataclass(frozen=True, slots=True)
class BlockShape:
    """The channels of a block in, in the middle and out, strides of the 1x1 and the 3x3, and dilation of the 3x3."""

    channels_in: int
    middle: int
    channels_out: int
    stride_1x1: int = 1
    stride_3x3: int = 1
    dilation: int = 1

    @property
    def stride(self) -> int:
        return self.stride_1x1 * self.stride_3x3


class _Block(nn.Module):
    """Skip connection plus residual branch, ReLU. The skip has a 1x1 convolution if channels differ."""

    def __init__(self, shape: BlockShape, attention: nn.Module | None) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        if shape.channels_in != shape.channels_out or shape.stride_1x1 > 1:
            self.downsample: nn.Module = nn.Sequential(
                _convolution(shape.channels_in, shape.channels_out, 1, shape.stride),
                nn.BatchNorm2d(shape.channels_out),
            )
        elif shape.stride > 1:
            self.downsample = nn.MaxPool2d(1, shape.stride)
        else:
            self.downsample = nn.Identity()
        self.se = attention or nn.Identity()

    def residual(self, features: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, features: Tensor) -> Tensor:
        joined: Tensor = self.relu(self.se(self.residual(features)) + self.downsample(features))
        return joined


class BasicBlock(_Block):
    """3x3, 3x3; the stride is that of the first."""

    expansion = 1

    def __init__(self, shape: BlockShape, attention: nn.Module | None = None) -> None:
        super().__init__(shape, attention)
        self.conv1 = _convolution(shape.channels_in, shape.middle, 3, shape.stride, shape.dilation)
        self.bn1 = nn.BatchNorm2d(shape.middle)
        self.conv2 = _convolution(shape.middle, shape.channels_out, 3, dilation=shape.dilation)
        self.bn2 = nn.BatchNorm2d(shape.channels_out)

    def residual(self, features: Tensor) -> Tensor:
        out: Tensor = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(features)))))
        return out


class Bottleneck(_Block):
    """1x1, 3x3, 1x1 to four times the channels."""

    expansion = 4

    def __init__(self, shape: BlockShape, attention: nn.Module | None = None) -> None:
        super().__init__(shape, attention)
        self.conv1 = _convolution(shape.channels_in, shape.middle, 1, shape.stride_1x1)
        self.bn1 = nn.BatchNorm2d(shape.middle)
        self.conv2 = _convolution(shape.middle, shape.middle, 3, shape.stride_3x3, shape.dilation)
        self.bn2 = nn.BatchNorm2d(shape.middle)
        self.conv3 = _convolution(shape.middle, shape.channels_out, 1)
        self.bn3 = nn.BatchNorm2d(shape.channels_out)

    def residual(self, features: Tensor) -> Tensor:
        narrow = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(features))))))
        out: Tensor = self.bn3(self.conv3(narrow))
        return out


class ResNet(nn.Module):
    """Images (N, 3, H, W) -> the features of the four stages, strides 4, 8, 16 and 32.

    With `stride_on="last-3x3"`, a stage strides in the last block of the stage before, so that the first three have
    twice that stride. The last `dilated` stages dilate by 2, the second of them by 4, instead of striding. `ceil_pool`
    is Caffe's first pooling, without padding and with sides rounded up; torchvision's pads by 1. `width` is the
    channels of the stem, 64 in all published forms. The attribute `channels` has the output channels of each stage.
    """

    def __init__(
        self,
        depth: Depth,
        *,
        stride_on: StridePlace = "first-3x3",
        ceil_pool: bool = False,
        dilated: int = 0,
        attention: Attention | None = None,
        width: int = 64,
    ) -> None:
        super().__init__()
        block: type[Bottleneck] | type[BasicBlock] = Bottleneck if depth.bottleneck else BasicBlock
        self.conv1 = _convolution(3, width, 7, 2)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 0, ceil_mode=True) if ceil_pool else nn.MaxPool2d(3, 2, 1)
        self.channels = tuple(width * 2**i * block.expansion for i in range(4))
        strides = [1, 2, 2, 2]
        dilations = [1, 1, 1, 1]
        for stage in range(4 - dilated, 4):
            strides[stage], dilations[stage] = 1, 2 * dilations[stage - 1]
        stages = []
        channels_in = width
        for stage, blocks in enumerate(depth.blocks):
            at_first, at_last = strides[stage], 1
            if stride_on == "last-3x3":
                at_first, at_last = 1, (*strides, 1)[stage + 1]
            layers = []
            for i in range(blocks):
                stride = (at_first if i == 0 else 1) * (at_last if i == blocks - 1 else 1)
                stride_1x1, stride_3x3 = (stride, 1) if stride_on == "first-1x1" else (1, stride)
                shape = BlockShape(
                    channels_in, width * 2**stage, self.channels[stage], stride_1x1, stride_3x3, dilations[stage]
                )
                layers.append(block(shape, attention(i, shape.channels_out) if attention else None))
                channels_in = shape.channels_out
            stages.append(nn.Sequential(*layers))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        _initialise(self)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        features = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        stage1 = self.layer1(features)
        stage2 = self.layer2(stage1)
        stage3 = self.layer3(stage2)
        return stage1, stage2, stage3, self.layer4(stage3)


def _convolution(channels_in: int, channels_out: int, side: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(
        channels_in, channels_out, side, stride, padding=side // 2 * dilation, dilation=dilation, bias=False
    )


def _initialise(trunk: nn.Module) -> None:
    """He et al. 2015: normal by fan out; batch normalisation is the identity."""
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
