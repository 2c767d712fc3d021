import pytest
import torch

from posestream.engines.losses import loss_for

LOSS = loss_for("openpose")


def test_half_the_squared_error_of_maps_and_fields_is_summed() -> None:
    heatmaps, fields = torch.zeros(1, 19, 4, 6), torch.zeros(1, 38, 4, 6)
    cells = 4 * 6
    assert LOSS((heatmaps + 1, fields + 2), (heatmaps, fields)).item() == 0.5 * (19 * 1 + 38 * 4) * cells


def test_every_stage_counts_against_the_same_targets() -> None:
    heatmaps, fields = torch.rand(2, 19, 4, 6), torch.rand(2, 38, 4, 6)
    wrong = (heatmaps + 0.5, fields - 0.5)
    one = LOSS(wrong, (heatmaps, fields)).item()
    assert LOSS((heatmaps, fields, *wrong, *wrong), (heatmaps, fields)).item() == pytest.approx(2 * one)


def test_a_batch_costs_as_much_as_its_images_on_average() -> None:
    heatmaps, fields = torch.rand(1, 19, 4, 6), torch.rand(1, 38, 4, 6)
    found = (torch.zeros_like(heatmaps), torch.zeros_like(fields))
    one = LOSS(found, (heatmaps, fields)).item()
    batch = [tensor.expand(3, -1, -1, -1) for tensor in (*found, heatmaps, fields)]
    assert LOSS(tuple(batch[:2]), tuple(batch[2:])).item() == pytest.approx(one)
