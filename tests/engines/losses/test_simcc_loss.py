import math

import pytest
import torch

from posestream.engines.losses import loss_for

LOSS = loss_for("rtmpose")


def logits(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_logits_equal_to_the_gaussians_cost_nothing() -> None:
    x, y = logits(2, 3, 8), logits(2, 3, 10)
    assert LOSS((x, y), (x, y, torch.ones(2, 3))).item() == pytest.approx(0, abs=1e-7)


def test_a_joint_that_is_not_labelled_costs_nothing() -> None:
    x, y = logits(1, 2, 8), logits(1, 2, 10)
    weights = torch.tensor([[1.0, 0.0]])
    wrong = x.clone()
    wrong[0, 1] += torch.arange(8)
    assert LOSS((wrong, y), (x, y, weights)).item() == pytest.approx(0, abs=1e-7)


def test_the_loss_is_the_divergence_of_sharpened_distributions_over_bins_joints_and_images() -> None:
    """Two bins; the label is softmax(10, 0), the output softmax(0, 0): KL = sum p log(p / 0.5)."""
    label = torch.tensor([1.0, 0.0]).expand(1, 1, 2)
    flat = torch.zeros(1, 1, 2)
    p = 1 / (1 + math.exp(-10))
    divergence = p * math.log(p / 0.5) + (1 - p) * math.log((1 - p) / 0.5)
    one = LOSS((flat, flat), (label, flat, torch.ones(1, 1))).item()
    assert one == pytest.approx(divergence / 2, rel=1e-5)
    for images, joints in ((3, 1), (1, 4)):
        found, wanted = flat.expand(images, joints, 2), label.expand(images, joints, 2)
        assert LOSS((found, found), (wanted, found, torch.ones(images, joints))).item() == pytest.approx(one)
