import torch

from posestream.engines.losses import loss_for

LOSS = loss_for("hrnet")


def test_half_the_mean_squared_error_of_labelled_joints_is_the_loss() -> None:
    """Joint 0 is off by 1 everywhere, joint 1 by 3 but unlabelled."""
    maps = torch.zeros(1, 2, 4, 4)
    given = torch.stack([torch.ones(4, 4), torch.full((4, 4), 3.0)])[None]
    assert LOSS((given,), (maps, torch.tensor([[1.0, 0.0]]))).item() == 0.5 * (1.0 + 0.0) / 2


def test_every_stage_counts() -> None:
    maps, weights = torch.zeros(2, 3, 4, 4), torch.ones(2, 3)
    stage = torch.full_like(maps, 2.0)
    assert LOSS((stage, stage, maps), (maps, weights)).item() == 2 * 0.5 * 4.0


def test_a_third_target_is_what_the_last_output_is_held_against() -> None:
    maps, centred, weights = torch.zeros(1, 2, 4, 4), torch.ones(1, 2, 4, 4), torch.ones(1, 2)
    assert LOSS((maps, centred), (maps, weights, centred)).item() == 0
    assert LOSS((maps, maps), (maps, weights, centred)).item() == 0.5
