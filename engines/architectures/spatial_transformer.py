"""Spatial transformers: Jaderberg et al. 2015, "Spatial Transformer Networks"; their inverse: RMPE, eq. 2-3.

Coordinates are in halves of the image from its centre: -1 and 1 are the edges of the outermost pixels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from posestream.engines.architectures.resnet import DEPTHS, ResNet

_MIN_DETERMINANT = 1e-3  # in absolute value; at 0 a map has no inverse


class Localisation(nn.Module):
    """Images (N, 3, H, W) -> the affine map theta (N, 2, 3), initially the identity.

    A ResNet-18 whose features are averaged over 8 x 8 cells in RMPE's code; here over all cells, which is the same for
    its images of 256 x 256.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.trunk = ResNet(DEPTHS[18], width=width)
        self.fc = nn.Linear(self.trunk.channels[-1], 6)
        nn.init.zeros_(self.fc.weight)
        with torch.no_grad():
            self.fc.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))

    def forward(self, images: Tensor) -> Tensor:
        theta: Tensor = self.fc(self.trunk(images)[-1].mean(dim=(2, 3)))
        return theta.reshape(-1, 2, 3)


def transform(images: Tensor, theta: Tensor) -> Tensor:
    """Images (N, C, H, W) sampled at theta p for each place p; bilinear, 0 beyond the edges."""
    height, width = images.shape[2:]
    x = (2 * torch.arange(width, device=theta.device, dtype=theta.dtype) + 1) / width - 1
    y = (2 * torch.arange(height, device=theta.device, dtype=theta.dtype) + 1) / height - 1
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    places = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1).reshape(1, -1, 3)
    grid = (places @ theta.transpose(1, 2)).reshape(-1, height, width, 2)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def inverse(theta: Tensor) -> Tensor:
    """The affine map gamma (N, 2, 3) with gamma(theta(p)) = p: [g1 g2] = [t1 t2]^-1, g3 = -[g1 g2] t3.

    Determinants are at least 0.001 in absolute value, so that maps are finite.
    """
    a, b, c, d = theta[:, 0, 0], theta[:, 0, 1], theta[:, 1, 0], theta[:, 1, 1]
    determinant = a * d - b * c
    determinant = torch.where(
        determinant < 0, determinant.clamp(max=-_MIN_DETERMINANT), determinant.clamp(min=_MIN_DETERMINANT)
    )
    linear = torch.stack([d, -b, -c, a], dim=1).reshape(-1, 2, 2) / determinant[:, None, None]
    offset = -(linear @ theta[:, :, 2:])
    return torch.cat([linear, offset], dim=2)
