"""Belief maps of all stages: Wei et al. 2016, "Convolutional Pose Machines", eq. 4-5."""

import torch
from torch import Tensor


def loss(outputs: tuple[Tensor, ...], targets: tuple[Tensor, ...]) -> Tensor:
    """Squared errors of maps, means over joints and cells, summed over stages; a scalar.

    Every output is the beliefs (N, K + 1, h, w) of a stage, the background last, or (N, K, h, w) without it; targets
    are maps (N, K, h, w) and weights of joints (N, K). The background's target is 1 less the maximum of the joints'.
    """
    maps, weights = targets
    if outputs[0].shape[1] > maps.shape[1]:
        background = 1 - maps.amax(dim=1, keepdim=True)
        maps = torch.cat([maps, background], dim=1)
        weights = torch.cat([weights, torch.ones_like(weights[:, :1])], dim=1)
    errors = [((stage - maps).square().mean(dim=(2, 3)) * weights).mean() for stage in outputs]
    total: Tensor = sum(errors[1:], errors[0])
    return total
