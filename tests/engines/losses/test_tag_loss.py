import math

import torch

from posestream.engines.losses.tag_loss import loss, pull_and_push


def test_tags_of_one_person_are_pulled_to_their_mean() -> None:
    tags = torch.tensor([[1.0, 9.0], [3.0, 9.0]])
    assert pull_and_push(tags, torch.tensor([[0, 0]])).item() == 1.0


def test_means_of_two_people_are_pushed_apart() -> None:
    """Tags 0 and 2 without spread: nothing to pull, and half of exp(-4) to push."""
    tags = torch.tensor([[0.0, 2.0]])
    assert math.isclose(pull_and_push(tags, torch.tensor([[0], [1]])).item(), 0.5 * math.exp(-4), rel_tol=1e-4)


def test_joints_that_are_not_there_pull_nobody() -> None:
    tags = torch.tensor([[1.0, 9.0], [3.0, 9.0]])
    assert pull_and_push(tags, torch.tensor([[0, -1], [-1, -1]])).item() == 0.0


def test_an_image_without_people_has_a_loss_and_a_gradient() -> None:
    coarse, fine = torch.ones(1, 4, 4, 4, requires_grad=True), torch.ones(1, 2, 8, 8, requires_grad=True)
    value = loss((coarse, fine), (torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 8, 8), torch.full((1, 3, 2), -1.0)))
    value.backward()  # type: ignore[no-untyped-call]
    assert value.item() == 2.0
    assert coarse.grad is not None and fine.grad is not None
