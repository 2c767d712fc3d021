import torch

from posestream.engines.losses import loss_for

LOSS = loss_for("cpm")


def test_the_background_is_where_no_joint_is() -> None:
    maps = torch.zeros(1, 2, 2, 2)
    maps[0, 0, 0, 0], maps[0, 1, 1, 1] = 1.0, 0.25
    ideal = torch.cat([maps, torch.tensor([[[[0.0, 1.0], [1.0, 0.75]]]])], dim=1)
    assert LOSS((ideal, ideal), (maps, torch.ones(1, 2))).item() == 0


def test_every_stage_counts_and_joints_that_are_not_labelled_do_not() -> None:
    maps, weights = torch.zeros(1, 2, 2, 2), torch.tensor([[1.0, 0.0]])
    off = torch.cat([torch.ones(1, 1, 2, 2), torch.full((1, 1, 2, 2), 9.0), torch.ones(1, 1, 2, 2)], dim=1)
    assert torch.isclose(LOSS((off, off), (maps, weights)), torch.tensor(2 / 3))
