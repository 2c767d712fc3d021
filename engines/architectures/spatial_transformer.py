"""Spatial transformers: Jaderberg et al. 2015, "Spatial Transformer Networks"; their inverse is that of RMPE, eq. 2-3.

Places are in units of half the picture from its middle: -1 and 1 are the edges of the outermost pixels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from posestream.engines.architectures.resnet import DEPTHS, ResNet

_LEAST = 1e-3  # of a determinant: a map that flattens the picture has no inverse


class Localisation(nn.Module):
    """Images (N, 3, H, W) -> the affine map theta (N, 2, 3), where the network begins with the identity.

    A ResNet-18 whose features are averaged over 8 x 8 cells, as in RMPE's code; here over all there are, which is the
    same for its images of 256 x 256.
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


def transform(pictures: Tensor, theta: Tensor) -> Tensor:
    """Pictures (N, C, H, W) whose place p shows what was at theta p; bilinear, 0 beyond the edges."""
    height, width = pictures.shape[2:]
    x = (2 * torch.arange(width, device=theta.device, dtype=theta.dtype) + 1) / width - 1
    y = (2 * torch.arange(height, device=theta.device, dtype=theta.dtype) + 1) / height - 1
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    places = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1).reshape(1, -1, 3)
    grid = (places @ theta.transpose(1, 2)).reshape(-1, height, width, 2)
    return functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def inverse(theta: Tensor) -> Tensor:
    """The affine map gamma (N, 2, 3) with gamma(theta(p)) = p: [g1 g2] = [t1 t2]^-1, g3 = -[g1 g2] t3.

    Where theta nearly flattens the picture, its determinant counts as 0.001, so that maps stay finite.
    """
    a, b, c, d = theta[:, 0, 0], theta[:, 0, 1], theta[:, 1, 0], theta[:, 1, 1]
    determinant = a * d - b * c
    determinant = torch.where(determinant < 0, determinant.clamp(max=-_LEAST), determinant.clamp(min=_LEAST))
    turned = torch.stack([d, -b, -c, a], dim=1).reshape(-1, 2, 2) / determinant[:, None, None]
    moved = -(turned @ theta[:, :, 2:])
    return torch.cat([turned, moved], dim=2)
