"""How long calls take: one by one, in turn after a warm-up, or at the pace of a camera."""

import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from tools.benchmark.figures import NotMeasuredError

WARM_UP_S, CALLS, MAX_S = 0.5, 300, 2.0
PACE_HZ, PACED_CALLS = 30.0, 60

Call: TypeAlias = Callable[[], object]
Percentiles: TypeAlias = dict[str, float]
"""By "p50 ms", "p95 ms" and "p99 ms", or with another unit: the columns of a table."""


def percentiles(values: ArrayLike, unit: str = "ms") -> Percentiles:
    """p50, p95 and p99 of `values`. Raises NotMeasuredError if there are none."""
    array = np.asarray(values, np.float64)
    if not array.size:
        raise NotMeasuredError("nothing came of it")
    return {f"p{percent} {unit}": float(np.percentile(array, percent)) for percent in (50, 95, 99)}


def median_ms(call: Call, calls: int) -> float:
    """The median of so many calls, one after the other."""
    return float(np.median([elapsed_ms(call) for _ in range(calls)]))


def in_turn(calls: Mapping[str, Call], *, quick: bool = False) -> dict[str, Percentiles]:
    """Times the calls in rounds, each call once a round, so that a clock that rises meets all of them alike.

    The warm-up lets a GPU's clocks rise first. A quick one is two rounds without a warm-up.
    """
    warm_up_s, rounds, max_s = (0.0, 2, 0.0) if quick else (WARM_UP_S, CALLS, MAX_S * len(calls))
    warm_until_s = time.monotonic() + warm_up_s
    while time.monotonic() < warm_until_s:
        for call in calls.values():
            call()
    taken_ms: dict[str, list[float]] = {name: [] for name in calls}
    until_s = time.monotonic() + max_s
    for done in range(rounds):
        if done >= 3 and time.monotonic() > until_s:
            break
        for name, call in calls.items():
            taken_ms[name].append(elapsed_ms(call))
    return {name: percentiles(taken) for name, taken in taken_ms.items()}


def paced(call: Call, *, quick: bool = False) -> Percentiles:
    """Times a call that comes 30 times a second, as a camera's frames do: the GPU's clocks fall in between."""
    taken_ms = []
    next_s = time.monotonic()
    for _ in range(2 if quick else PACED_CALLS):
        taken_ms.append(elapsed_ms(call))
        next_s += 1 / PACE_HZ
        time.sleep(max(next_s - time.monotonic(), 0.0))
    return percentiles(taken_ms)


def elapsed_ms(call: Call) -> float:
    """Milliseconds of one call."""
    began_ns = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - began_ns) / 1e6
