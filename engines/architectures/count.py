"""The size of a network: parameters, and multiply-adds of its convolutions and linear layers."""

from typing import Any

import torch
from torch import Tensor, nn

from posestream.engines.architectures.pose_network import Network

_COUNTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def parameters(network: nn.Module) -> int:
    """The number of learned values, without running means and variances."""
    return sum(parameter.numel() for parameter in network.parameters())


def macs(network: Network, height_px: int, width_px: int) -> int:
    """Multiply-adds for one image, without normalisation, activation, pooling and resizing, as most papers count.

    On the meta device no values are computed.
    """
    counted = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal counted
        weight: Any = layer.weight
        # A transposed convolution multiplies for each value of its input, the others for each value of their output.
        places = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        channels_in_weight = weight.shape[0]
        counted += places.numel() // channels_in_weight * weight.numel()

    hooks = [layer.register_forward_hook(count) for layer in network.modules() if isinstance(layer, _COUNTED)]
    device = next(network.parameters()).device
    was_training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, network.channels, height_px, width_px, device=device))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return counted
