import torch
from torch import Tensor, nn

from posestream.engines.architectures import count
from posestream.engines.architectures.pose_network import Network


class Layers(Network):
    """One layer of each counted kind, and one that is not counted."""

    def __init__(self) -> None:
        super().__init__()
        self.strided = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm = nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1)
        self.linear = nn.Linear(20, 5)

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        return (self.linear(self.up(self.norm(self.grouped(self.strided(images))))),)


def test_multiply_adds_are_counted_by_hand() -> None:
    strided = 8 * 10 * 8 * 27  # outputs x weights of each
    grouped = 8 * 10 * 8 * 9
    up = 8 * 10 * 8 * 4 * 16  # inputs x weights of each
    linear = 4 * 16 * 5 * 20
    assert count.macs(Layers(), 16, 20) == strided + grouped + up + linear


def test_running_statistics_are_no_parameters() -> None:
    weights = (8 * 27 + 8) + (8 * 9 + 8) + 2 * 8 + (8 * 4 * 16 + 4) + (20 * 5 + 5)
    assert count.parameters(Layers()) == weights


def test_counting_leaves_a_network_in_training_as_it_was() -> None:
    network = Layers().train()
    before = network.norm.running_mean.clone() if network.norm.running_mean is not None else None
    count.macs(network, 16, 20)
    assert network.training and before is not None
    assert torch.equal(before, network.norm.running_mean)  # type: ignore[arg-type]
