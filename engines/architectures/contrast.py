"""Local contrast normalisation of each channel, used before batch normalisation was known.

Jarrett et al. 2009, "What is the Best Multi-Stage Architecture for Object Recognition?", section 2: it keeps the
structure of an image independent of its brightness and contrast.
"""

import math

import torch
from torch import Tensor, nn

_SIDE_PX, _SIGMA_PX = 9, 2.0
_MIN_DEVIATION = 1e-4
_GAUSSIAN = [math.exp(-((i - _SIDE_PX // 2) ** 2) / (2 * _SIGMA_PX**2)) for i in range(_SIDE_PX)]
_WEIGHTS = [value / sum(_GAUSSIAN) for value in _GAUSSIAN]


def normalised(images: Tensor) -> Tensor:
    """Images (N, C, H, W) less their local mean, over the largest of local and mean deviation and 1e-4; same shape.

    The local window is a Gaussian of 9 x 9 px, sigma 2, with edges replicated. The mean deviation, over an image's
    channels and pixels, is the floor that keeps flat areas from being amplified. (Jain et al.'s code has a floor for
    each column, which their paper does not mention.)
    """
    centred = images - _smooth(images)
    local = _smooth(centred.square()).sqrt()
    mean = local.mean(dim=(1, 2, 3), keepdim=True)
    return centred / torch.maximum(local, mean).clamp(min=_MIN_DEVIATION)


def _smooth(images: Tensor) -> Tensor:
    """The Gaussian mean around each pixel, one axis after the other."""
    channels, reach = images.shape[1], _SIDE_PX // 2
    along = torch.tensor(_WEIGHTS, device=images.device, dtype=images.dtype)
    kernel = along.expand(channels, 1, 1, _SIDE_PX)
    padded = nn.functional.pad(images, (reach,) * 4, mode="replicate")
    rows = nn.functional.conv2d(padded, kernel, groups=channels)
    return nn.functional.conv2d(rows, kernel.transpose(2, 3), groups=channels)
