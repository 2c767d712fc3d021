"""SimCC: Li et al. 2022, section 3.2, with the soft labels of RTMPose (Jiang et al. 2023, section 3.2)."""

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

_SHARPNESS = 10.0  # the inverse temperature of both softmaxes


def loss(outputs: tuple[Tensor, ...], targets: tuple[Tensor, ...]) -> Tensor:
    """Kullback-Leibler divergence of softmax(10 logits) from softmax(10 Gaussian), x and y.

    `outputs` are logits of x (N, K, X) and of y (N, K, Y); `targets` the Gaussians of each and weights (N, K). It is
    the mean over bins, joints and images: MMPose's sum over the images of a batch, divided by their number.
    """
    *gaussians, weights = targets
    total = weights.new_zeros(())
    for logits, gaussian in zip(outputs, gaussians, strict=True):
        log_output = F.log_softmax(_SHARPNESS * logits, dim=-1)
        target = F.softmax(_SHARPNESS * gaussian, dim=-1)
        divergence = F.kl_div(log_output, target, reduction="none").mean(dim=-1)
        total = total + (divergence * weights).mean()
    return total
