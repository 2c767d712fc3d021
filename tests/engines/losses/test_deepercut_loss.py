"""DeeperCut's loss, by hand."""

import math

import pytest
import torch

from posestream.engines.losses import loss_for

LOSS = loss_for("deepercut")
ONE = torch.ones(1, 1, 1, 1)


def test_it_is_cross_entropy_and_a_twentieth_of_the_huber_losses() -> None:
    outputs = (0 * ONE, 0.5 * ONE, 3 * ONE)
    targets = (ONE, ONE, 0 * ONE, ONE, 0 * ONE, ONE)
    wanted = math.log(2) + 0.05 * 0.125 + 0.05 * 2.5  # Huber: half the square up to 1, then linear
    assert LOSS(outputs, targets).item() == pytest.approx(wanted)


def test_one_person_has_no_pairwise_term() -> None:
    assert LOSS((0 * ONE, ONE), (ONE, ONE, 0 * ONE, ONE)).item() == pytest.approx(math.log(2) + 0.025)


def test_values_without_a_weight_do_not_count() -> None:
    scores, weights = torch.tensor([[[[0.0, 50.0]]]]), torch.tensor([[[[1.0, 0.0]]]])
    locref = torch.full((1, 2, 1, 2), 9.0)
    loss = LOSS((scores, locref), (torch.zeros(1, 1, 1, 2), weights, 0 * locref, 0 * locref))
    assert loss.item() == pytest.approx(math.log(2))


def test_scores_are_logits_however_large() -> None:
    loss = LOSS((200 * ONE, ONE), (0 * ONE, ONE, ONE, ONE))
    assert loss.item() == pytest.approx(200)
