import math

import torch

from posestream.engines.losses import loss_for

NAN = math.nan


def loss(log_odds: list[float], targets: list[float]) -> float:
    shaped = (torch.tensor(values, dtype=torch.float32).reshape(1, 1, 1, -1) for values in (log_odds, targets))
    outputs, wanted = shaped
    return float(loss_for("jain2014")((outputs,), (wanted,)))


def test_it_is_the_negative_log_likelihood_of_positive_and_negative_patches() -> None:
    assert math.isclose(
        loss([0.3, -0.7], [1, 0]), math.log1p(math.exp(-0.3)) + math.log1p(math.exp(-0.7)), rel_tol=1e-6
    )


def test_a_perfect_answer_costs_nothing_whatever_the_target() -> None:
    assert abs(loss([math.log(0.3 / 0.7), -30.0], [0.3, 0])) < 1e-6


def test_as_many_negative_patches_count_as_positive_ones_the_worst_of_them() -> None:
    assert math.isclose(loss([30, 2, -1, 1.5], [1, 0, 0, 0]), math.log1p(math.exp(2)), rel_tol=1e-5)


def test_patches_that_were_not_looked_at_or_are_not_known_count_nothing() -> None:
    assert loss([0.3, -0.7, NAN, 5], [1, 0, 1, -1]) == loss([0.3, -0.7], [1, 0])


def test_nothing_known_costs_nothing_and_has_a_gradient() -> None:
    log_odds = torch.zeros(1, 1, 1, 2, requires_grad=True)
    value = loss_for("jain2014")((log_odds,), (torch.full((1, 1, 1, 2), -1.0),))
    value.backward()  # type: ignore[no-untyped-call]
    assert float(value.detach()) == 0
    assert log_odds.grad is not None and log_odds.grad.abs().sum() == 0


def test_gradients_are_finite_beside_patches_that_were_not_looked_at() -> None:
    weights = torch.ones(2, requires_grad=True)
    found = torch.full((1, 1, 1, 4), NAN)
    found[..., ::2] = weights
    loss_for("jain2014")((found,), (torch.tensor([1.0, 0, 0, 0]).reshape(1, 1, 1, 4),)).backward()  # type: ignore[no-untyped-call]
    assert weights.grad is not None and torch.isfinite(weights.grad).all()
