"""Stacked Hourglass, BSD-3: maps of both stacks. Needs torch."""

import importlib

import torch
from torch import Tensor, nn

from tests.engines.architectures.parity.recording import checkout, record

REPOSITORY = "https://github.com/princeton-vl/pytorch_stacked_hourglass"


class Published(nn.Module):
    """As its evaluation calls it: images with channels last; stacks on axis 1 of the output."""

    def __init__(self, stacks: int) -> None:
        super().__init__()
        self.model = importlib.import_module("models.posenet").PoseNet(stacks, 256, 16)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        maps: Tensor = self.model(images.permute(0, 2, 3, 1))
        return torch.unbind(maps, 1)


if __name__ == "__main__":
    _, reference = checkout(REPOSITORY)
    record("hourglass-s2", f"models/posenet.py of {reference}", Published(2), (2, 3, 64, 128))
