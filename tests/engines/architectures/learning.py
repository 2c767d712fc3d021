"""Training of a small network on one image, for tests that it learns."""

import torch
from torch import Tensor

from posestream.engines.architectures.pose_network import Network
from posestream.engines.losses import loss_for
from posestream.engines.results import Floats


def fit(
    network: Network, architecture: str, images: Tensor, targets: tuple[Floats, ...], *, steps: int, rate: float
) -> list[float]:
    """The losses of `steps` steps of Adam with learning rate `rate`; `targets` are those of one image."""
    optimizer = torch.optim.Adam(network.parameters(), rate)
    batch = tuple(torch.from_numpy(target)[None] for target in targets)
    losses = []
    for _ in range(steps):
        loss = loss_for(architecture)(network(images), batch)
        losses.append(loss.item())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return losses


def outputs_of(network: Network, images: Tensor) -> list[Floats]:
    """The decoded outputs, in the network's present mode."""
    with torch.no_grad():
        return [output.numpy() for output in network.decoded(network(images))]
