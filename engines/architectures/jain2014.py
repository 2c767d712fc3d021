"""Jain et al. 2014, "Learning Human Pose Estimation Features with Convolutional Networks".

A small network for each part of the body classifies patches of 64 x 64 px by whether the part is in their middle. Run
over a whole image at several scales, it outputs response maps, which `engines.codecs.chain` decodes.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from posestream.engines.architectures import ArchitectureError
from posestream.engines.architectures.contrast import normalised
from posestream.engines.architectures.pose_network import Network

REDUCED: Mapping[str, int] = {"joints": 7, "width": 8, "hidden": 32}

PATCH_PX, STRIDE_PX = 64, 4
SCALES = (1.0, 0.75, 0.5)
"""Of the live form, in sizes of the crop. The authors' code takes 0.94 to 0.44 times its frames."""

_MARGIN_PX = (PATCH_PX - STRIDE_PX) // 2  # padding: cell i classifies the patch about pixel 4 i + 1.5
_SPACING = 4  # cells between training patches, 16 px apart as the paper's negatives


def build(_variant: str, *, joints: int = 1, width: int = 16, hidden: int = 500) -> "PartNetwork | PartNetworks":
    """One joint: the published network of one part. More: the live form, with a network for the face and one for each
    joint of the left side, which runs on the mirrored image for the right side.

    `width` is the channels of the first convolution, `hidden` the units of the first fully connected layer. Raises
    ArchitectureError where `joints` is even.
    """
    if joints % 2 == 0:
        raise ArchitectureError(f"jain2014: joints = {joints}: the face and pairs of joints are an odd number")
    return PartNetwork(width, hidden) if joints == 1 else PartNetworks((joints + 1) // 2, width, hidden)


class PartNetwork(Network):
    """Patches (N, 3, 64, 64), locally contrast normalised -> (N, 2, 1, 1), the classes background and part.

    Outputs in training are logits, decoded ones probabilities. An image of h x w px has (h / 4 - 15) (w / 4 - 15)
    patches, 4 px apart, classified in one pass.
    """

    multiple_px = STRIDE_PX
    min_px = PATCH_PX

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, width, 5, padding=2), nn.MaxPool2d(2), nn.ReLU()),
            *(nn.Conv2d(width, 2 * width, 5, padding=2), nn.MaxPool2d(2), nn.ReLU()),
            *(nn.Conv2d(2 * width, 2 * width, 5, padding=2), nn.ReLU()),
        )
        # Fully connected layers, as convolutions.
        self.first = nn.Conv2d(2 * width, hidden, PATCH_PX // STRIDE_PX)
        self.second = nn.Conv2d(hidden, max(1, hidden // 5), 1)
        self.last = nn.Conv2d(max(1, hidden // 5), 2, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # not in the paper: He et al. 2015
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        return (self.classified(self.features(images)),)

    def decoded(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (outputs[0].softmax(dim=1),)

    def classified(self, features: Tensor) -> Tensor:
        """The logits of the two classes of each patch."""
        return self._logits(self.first(features))

    def classified_sparsely(self, features: Tensor, spacing: int) -> Tensor:
        """As `classified`, for every `spacing`-th patch on both axes."""
        return self._logits(nn.functional.conv2d(features, self.first.weight, self.first.bias, spacing))

    def _logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.last(self.second(hidden.relu()).relu())
        return logits


class PartNetworks(Network):
    """Images -> at each scale the responses (N, joints, scale H / 4, scale W / 4): the face, the left side's joints
    from the trunk outwards, the right side's.

    Contrast is normalised here. Decoded responses are probabilities. In training they are log odds at the first scale,
    of patches 16 px apart on a grid with a random origin for each batch, NaN between them.
    """

    multiple_px = STRIDE_PX
    min_px = PATCH_PX

    def __init__(self, parts: int, width: int, hidden: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList(PartNetwork(width, hidden) for _ in range(parts))

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self._responses(_scaled(images, scale)) for scale in (SCALES[:1] if self.training else SCALES))

    def decoded(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(log_odds.sigmoid() for log_odds in outputs)

    def _responses(self, images: Tensor) -> Tensor:
        padded = nn.functional.pad(normalised(images), (_MARGIN_PX,) * 4)  # by zeros, the local mean
        mirrored = padded.flip(3)
        log_odds = _sparse_log_odds if self.training else _log_odds
        networks = [module for module in self.parts if isinstance(module, PartNetwork)]
        left = [log_odds(network, padded) for network in networks]
        right = [log_odds(network, mirrored).flip(3) for network in networks[1:]]
        return torch.cat([*left, *right], dim=1)


def _log_odds(network: PartNetwork, images: Tensor) -> Tensor:
    """(N, 1, h, w) log odds of all patches; their sigmoid is the softmax of the two classes."""
    logits = network.classified(network.features(images))
    return logits[:, 1:] - logits[:, :1]


def _sparse_log_odds(network: PartNetwork, images: Tensor) -> Tensor:
    """(N, 1, h, w) log odds of patches on a coarse grid with a random origin, NaN between them."""
    top, left = (int(n) for n in torch.randint(_SPACING, (2,)))
    features = network.features(images)
    logits = network.classified_sparsely(features[:, :, top:, left:], _SPACING)
    border = PATCH_PX // STRIDE_PX - 1
    sparse = logits.new_full((len(logits), 1, features.shape[2] - border, features.shape[3] - border), math.nan)
    sparse[:, :, top::_SPACING, left::_SPACING] = logits[:, 1:] - logits[:, :1]
    return sparse


def _scaled(images: Tensor, scale: float) -> Tensor:
    """Images at `scale`, their sides multiples of 4 px.

    Resized by matrix products: runtimes round sampling positions of a resize differently, which contrast normalisation
    amplifies to 1e-4.
    """
    if scale == 1:
        return images
    rows, columns = (
        torch.tensor(_reduction(side, max(1, round(side * scale / STRIDE_PX)) * STRIDE_PX)).to(images)
        for side in images.shape[2:]
    )
    return rows @ images @ columns.T


def _reduction(before: int, after: int) -> list[list[float]]:
    """(after, before) weights of a resize by a triangle filter, two output pixels wide."""
    step = before / after
    rows = [[max(0.0, 1 - abs((i + 0.5) * step - j - 0.5) / step) for j in range(before)] for i in range(after)]
    return [[weight / sum(row) for weight in row] for row in rows]
