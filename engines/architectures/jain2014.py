"""Jain et al. 2014, "Learning Human Pose Estimation Features with Convolutional Networks".

A small network for each part of the body says of a patch of 64 x 64 px whether the part is in its middle. Run over a
whole picture, at several scales, it gives response maps, which a chain of joints explains: `engines.codecs.chain`.
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
"""Of the live form. The authors' code looks at 0.94 to 0.44 times its frames; here the largest is the crop's own."""

_MARGIN_PX = (PATCH_PX - STRIDE_PX) // 2  # beyond the picture: cell i looks at the patch about pixel 4 i + 1.5
_SPACING = 4  # cells: in training, patches are 16 px apart, as the paper's negatives


def build(_variant: str, *, joints: int = 1, width: int = 16, hidden: int = 500) -> "PartNetwork | PartNetworks":
    """One joint: the published network of one part. More: the live form, with a network for the face and one for each
    joint of the left side; the mirrored picture shows those of the right side.

    `width` is the channels of the first convolution, `hidden` the units of the first fully connected layer.
    """
    if joints % 2 == 0:
        raise ArchitectureError(f"jain2014: joints = {joints}: the face and pairs of joints, an odd number")
    return PartNetwork(width, hidden) if joints == 1 else PartNetworks((joints + 1) // 2, width, hidden)


class PartNetwork(Network):
    """Patches (N, 3, 64, 64), locally contrast normalised -> (N, 2, 1, 1): not the part, and the part.

    Outputs in training are before the softmax, decoded ones after it. A picture of h x w px gives the answers
    (h / 4 - 15, w / 4 - 15) for all its patches, 4 px apart, in one go.
    """

    multiple_px = STRIDE_PX
    least_px = PATCH_PX

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
            if isinstance(module, nn.Conv2d):  # the paper does not say: He et al. 2015
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        return (self.classified(self.features(images)),)

    def decoded(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (outputs[0].softmax(dim=1),)

    def classified(self, features: Tensor) -> Tensor:
        """The two classes of each patch, before the softmax."""
        return self._after(self.first(features))

    def classified_apart(self, features: Tensor, apart: int) -> Tensor:
        """As `classified`, of every `apart`-th patch on both axes."""
        return self._after(nn.functional.conv2d(features, self.first.weight, self.first.bias, apart))

    def _after(self, hidden: Tensor) -> Tensor:
        answers: Tensor = self.last(self.second(hidden.relu()).relu())
        return answers


class PartNetworks(Network):
    """Pictures -> for each scale the responses (N, joints, scale H / 4, scale W / 4): the face, the left side's joints
    from the trunk outwards, the right side's.

    Contrast is normalised here. Decoded responses are probabilities, 0 to 1; in training there are their log-odds, at
    the first scale, of patches 16 px apart, NaN between them: where the first one is is drawn for each batch.
    """

    multiple_px = STRIDE_PX
    least_px = PATCH_PX

    def __init__(self, parts: int, width: int, hidden: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList(PartNetwork(width, hidden) for _ in range(parts))

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self._responses(_scaled(images, scale)) for scale in (SCALES[:1] if self.training else SCALES))

    def decoded(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(log_odds.sigmoid() for log_odds in outputs)

    def _responses(self, images: Tensor) -> Tensor:
        # In the margin are zeros, the local mean: nothing is there.
        shown = nn.functional.pad(normalised(images), (_MARGIN_PX,) * 4)
        mirrored = shown.flip(3)
        look = _some_log_odds if self.training else _log_odds
        networks = [module for module in self.parts if isinstance(module, PartNetwork)]
        left = [look(network, shown) for network in networks]
        right = [look(network, mirrored).flip(3) for network in networks[1:]]
        return torch.cat([*left, *right], dim=1)


def _log_odds(network: PartNetwork, pictures: Tensor) -> Tensor:
    """(N, 1, h, w) of all patches; their sigmoid is the softmax of the two classes."""
    answers = network.classified(network.features(pictures))
    return answers[:, 1:] - answers[:, :1]


def _some_log_odds(network: PartNetwork, pictures: Tensor) -> Tensor:
    """The same, of patches on a coarse grid with a random origin; NaN between them."""
    top, left = (int(n) for n in torch.randint(_SPACING, (2,)))
    features = network.features(pictures)
    answers = network.classified_apart(features[:, :, top:, left:], _SPACING)
    around = PATCH_PX // STRIDE_PX - 1
    found = answers.new_full((len(answers), 1, features.shape[2] - around, features.shape[3] - around), math.nan)
    found[:, :, top::_SPACING, left::_SPACING] = answers[:, 1:] - answers[:, :1]
    return found


def _scaled(images: Tensor, scale: float) -> Tensor:
    """Images at `scale`, their sides multiples of 4 px.

    As products with matrices: where a runtime rounds the places to look at by itself, contrast makes 1e-4 of it.
    """
    if scale == 1:
        return images
    rows, columns = (
        torch.tensor(_reduction(side, max(1, round(side * scale / STRIDE_PX)) * STRIDE_PX)).to(images)
        for side in images.shape[2:]
    )
    return rows @ images @ columns.T


def _reduction(before: int, after: int) -> list[list[float]]:
    """(after, before): pixels that are means of those about them, weighted by a triangle as wide as two of them."""
    step = before / after
    rows = [[max(0.0, 1 - abs((i + 0.5) * step - j - 0.5) / step) for j in range(before)] for i in range(after)]
    return [[weight / sum(row) for weight in row] for row in rows]
