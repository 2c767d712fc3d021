"""How often a process may die."""

from posestream.stream.config import load
from posestream.stream.run.restart_budget import Budget

S = 10**9


def a_budget() -> Budget:
    """The one of the defaults: 5 restarts in 60 s, all of them again after 5 healthy seconds."""
    settings = load().supervisor
    assert (settings.restarts, settings.restart_window_s, settings.restart_refill_s) == (5, 60.0, 5.0)
    return Budget(settings)


def test_five_restarts_in_a_minute_and_no_more() -> None:
    budget = a_budget()
    assert [budget.spend(second * S) for second in range(6)] == [True] * 5 + [False]
    assert not budget.spend(60 * S)


def test_a_restart_is_forgotten_after_a_minute() -> None:
    budget = a_budget()
    for second in range(5):
        budget.spend(second * S)
    assert not budget.spend(60 * S)
    assert budget.spend(60 * S + 1)
    assert not budget.spend(61 * S)


def test_five_healthy_seconds_bring_all_restarts_back() -> None:
    budget = a_budget()
    for second in range(5):
        budget.spend(second * S)
    budget.ready(6 * S)
    assert [budget.spend(11 * S + i) for i in range(6)] == [True] * 5 + [False]


def test_less_than_five_healthy_seconds_bring_nothing_back() -> None:
    budget = a_budget()
    for second in range(5):
        budget.spend(second * S)
    budget.ready(6 * S)
    assert not budget.spend(11 * S - 1)


def test_health_counts_from_readiness_and_only_once() -> None:
    budget = a_budget()
    budget.ready(0)
    assert budget.spend(10 * S)
    assert [budget.spend(20 * S + i) for i in range(5)] == [True] * 4 + [False]  # it was not ready since


def test_without_restarts_the_first_death_is_the_end() -> None:
    assert not Budget(load(overrides={"supervisor.restarts": 0}).supervisor).spend(0)
