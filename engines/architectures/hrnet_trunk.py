"""The trunk of HRNet: parallel branches of falling resolution that exchange their features.

Sun et al. 2019, "Deep High-Resolution Representation Learning for Human Pose Estimation", section 3 and table 1.
Modules are numbered as in the authors' checkpoints.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from posestream.engines.architectures.resnet import BasicBlock, BlockShape, Bottleneck

_STEM = 64
_LAYER1 = 4 * _STEM
_MODULES = (1, 4, 3)  # exchange units of the stages with 2, 3 and 4 branches
_BLOCKS = 4  # residual blocks of a branch between two exchanges


class HighResolutionTrunk(nn.Module):
    """Images (N, 3, H, W) -> features (N, width, H / 4, W / 4). Height and width must be multiples of 32.

    Branches have 1, 2, 4 and 8 times `width` channels. A stage has at most `modules` exchange units, and `blocks`
    residual blocks between two of them.
    """

    def __init__(self, width: int, modules: int = max(_MODULES), blocks: int = _BLOCKS) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, _STEM, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(_STEM)
        self.conv2 = nn.Conv2d(_STEM, _STEM, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(_STEM)
        self.relu = nn.ReLU(inplace=True)
        shapes = [BlockShape(_STEM, _STEM, _LAYER1)] + [BlockShape(_LAYER1, _STEM, _LAYER1)] * 3
        self.layer1 = nn.Sequential(*(Bottleneck(shape) for shape in shapes))
        widths = [width * 2**i for i in range(4)]
        counts = [min(count, modules) for count in _MODULES]
        self.transition1 = _Transition([_LAYER1], widths[:2])
        self.stage2 = _stage(widths[:2], counts[0], blocks)
        self.transition2 = _Transition(widths[:2], widths[:3])
        self.stage3 = _stage(widths[:3], counts[1], blocks)
        self.transition3 = _Transition(widths[:3], widths)
        self.stage4 = _stage(widths, counts[2], blocks, last_outputs=1)

    def forward(self, images: Tensor) -> Tensor:
        features = self.relu(self.bn1(self.conv1(images)))
        features = self.layer1(self.relu(self.bn2(self.conv2(features))))
        branches = self.stage2(self.transition1([features]))
        branches = self.stage3(self.transition2(branches))
        branches = self.stage4(self.transition3(branches))
        finest: Tensor = branches[0]
        return finest


def _stage(widths: Sequence[int], modules: int, blocks: int, last_outputs: int | None = None) -> nn.Sequential:
    """A sequence of exchange units; the last one outputs only its `last_outputs` finest branches."""
    outputs = [len(widths)] * (modules - 1) + [last_outputs or len(widths)]
    return nn.Sequential(*(_Exchange(widths, blocks, count) for count in outputs))


class _Transition(nn.ModuleList):
    """From the branches of one stage to those of the next: channels are converted, and coarser branches are added."""

    def __init__(self, before: Sequence[int], after: Sequence[int]) -> None:
        super().__init__()
        for i, channels in enumerate(after):
            if i < len(before):
                self.append(_conv(before[i], channels) if before[i] != channels else nn.Identity())
            else:  # from the coarsest branch, by strided convolutions
                steps = [_conv(before[-1], before[-1], 2) for _ in range(i - len(before))]
                self.append(nn.Sequential(*steps, _conv(before[-1], channels, 2)))
        self._kept = len(before)

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        return [step(branches[min(i, self._kept - 1)]) for i, step in enumerate(self)]


class _Exchange(nn.Module):
    """Residual blocks on each branch, then for each output branch the sum of all branches at its resolution."""

    def __init__(self, widths: Sequence[int], blocks: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(BlockShape(width, width, width)) for _ in range(blocks))) for width in widths
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_resample(widths, source, target) for source in range(len(widths)))
            for target in range(outputs)
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        features = [branch(feature) for branch, feature in zip(self.branches, features, strict=True)]
        fused = []
        for target in self.fuse_layers:
            assert isinstance(target, nn.ModuleList)
            resampled = [step(feature) for step, feature in zip(target, features, strict=True)]
            fused.append(self.relu(sum(resampled[1:], resampled[0])))
        return fused


def _resample(widths: Sequence[int], source: int, target: int) -> nn.Module:
    """From the resolution and channels of branch `source` to those of branch `target`."""
    if source == target:
        return nn.Identity()
    if source > target:
        up = nn.Upsample(scale_factor=2.0 ** (source - target), mode="nearest")
        return nn.Sequential(*_conv(widths[source], widths[target], side=1, relu=False), up)
    steps = [_conv(widths[source], widths[source], 2) for _ in range(target - source - 1)]
    return nn.Sequential(*steps, _conv(widths[source], widths[target], 2, relu=False))


def _conv(channels_in: int, channels_out: int, stride: int = 1, side: int = 3, relu: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(channels_in, channels_out, side, stride, side // 2, bias=False),
        nn.BatchNorm2d(channels_out),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if relu else []))
