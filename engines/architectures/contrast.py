"""Local contrast normalisation, as before the first convolution of networks from before batch normalisation.

Jarrett et al. 2009, "What is the Best Multi-Stage Architecture for Object Recognition?", section 2, each channel by
itself: what is left is the structure of a picture, whatever its light.
"""

import math

import torch
from torch import Tensor, nn

_SIDE_PX, _SIGMA_PX = 9, 2.0
_LEAST = 1e-4
_GAUSSIAN = [math.exp(-((i - _SIDE_PX // 2) ** 2) / (2 * _SIGMA_PX**2)) for i in range(_SIDE_PX)]
_WEIGHTS = [value / sum(_GAUSSIAN) for value in _GAUSSIAN]


def normalised(images: Tensor) -> Tensor:
    """Images (N, C, H, W) less their local mean, over the largest of local and mean deviation and 1e-4; same shape.

    Local is a Gaussian window of 9 x 9 px, sigma 2; edges are repeated beyond the picture. The mean deviation, below
    which nothing is amplified, is over a picture's channels and pixels. (Jain et al.'s code leaves its columns out of
    that mean, so that each column has a floor of its own, which their paper does not ask for.)
    """
    centred = images - _smooth(images)
    local = _smooth(centred.square()).sqrt()
    mean = local.mean(dim=(1, 2, 3), keepdim=True)
    return centred / torch.maximum(local, mean).clamp(min=_LEAST)


def _smooth(images: Tensor) -> Tensor:
    """The Gaussian mean around each pixel, one axis after the other."""
    channels, reach = images.shape[1], _SIDE_PX // 2
    along = torch.tensor(_WEIGHTS, device=images.device, dtype=images.dtype)
    kernel = along.expand(channels, 1, 1, _SIDE_PX)
    padded = nn.functional.pad(images, (reach,) * 4, mode="replicate")
    rows = nn.functional.conv2d(padded, kernel, groups=channels)
    return nn.functional.conv2d(rows, kernel.transpose(2, 3), groups=channels)
