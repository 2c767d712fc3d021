"""FastPose: the network of AlphaPose since its version 0.3 (Fang et al. 2022, "AlphaPose: Whole-Body Regional
Multi-Person Pose Estimation and Tracking in Real-Time"), a ResNet with channel attention and dense upsampling.
"""

from torch import Tensor, nn

from posestream.engines.architectures.pose_network import Network
from posestream.engines.architectures.resnet import DEPTHS, ResNet


class SqueezeExcitation(nn.Module):
    """Channels weighted by a function of the means of all channels.

    Hu et al. 2018, "Squeeze-and-Excitation Networks", eq. 2-4, here without a bottleneck.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, channels), nn.Sigmoid())

    def forward(self, features: Tensor) -> Tensor:
        weighted: Tensor = features * self.fc(features.mean(dim=(2, 3)))[:, :, None, None]
        return weighted


class DenseUpsampling(nn.Module):
    """A 3x3 convolution to `channels_out`, whose groups of four become 2x2 cells of a quarter as many channels.

    Wang et al. 2018, "Understanding Convolution for Semantic Segmentation", section 3.1.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(channels_out)
        self.relu = nn.ReLU()
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, features: Tensor) -> Tensor:
        larger: Tensor = self.shuffle(self.relu(self.bn(self.conv(features))))
        return larger


class FastPose(Network):
    """Heat maps (N, joints, H / 4, W / 4). The first block of each stage of the ResNet has channel attention."""

    multiple_px = 32
    min_px = 32

    def __init__(self, depth: int, joints: int, width: int) -> None:
        super().__init__()
        self.trunk = ResNet(
            DEPTHS[depth], attention=lambda i, channels: SqueezeExcitation(channels) if i == 0 else None, width=width
        )
        self.shuffle = nn.PixelShuffle(2)
        self.duc1 = DenseUpsampling(8 * width, 16 * width)
        self.duc2 = DenseUpsampling(4 * width, 8 * width)
        self.head = nn.Conv2d(2 * width, joints, 3, padding=1)

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        features = self.shuffle(self.trunk(images)[-1])
        return (self.head(self.duc2(self.duc1(features))),)
