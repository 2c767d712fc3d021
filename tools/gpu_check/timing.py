"""How long calls take: after a warm-up that lets a GPU's clocks rise, and in turn, so that all see the same clocks."""

import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from tools.gpu_check.findings import NotMeasuredError

PERCENTILES = (50, 95, 99)
WARM_UP_S, CALLS, MOST_S = 0.5, 300, 2.0
PACE_HZ, PACED_CALLS = 30.0, 60

Call = Callable[[], object]


def percentiles(values: ArrayLike) -> list[float]:
    """p50, p95 and p99. Raises NotMeasuredError where there is nothing."""
    array = np.asarray(values, np.float64)
    if not array.size:
        raise NotMeasuredError("nothing came of it")
    return [float(np.percentile(array, percent)) for percent in PERCENTILES]


def in_turn(calls: Mapping[str, Call], *, quick: bool = False) -> dict[str, list[float]]:
    """p50, p95 and p99 of each call in ms; all are called, one after the other, again and again.

    So a clock that rises, or another process that wakes up, is seen by all of them.
    """
    warm_up_s, rounds, most_s = (0.0, 3, 0.0) if quick else (WARM_UP_S, CALLS, MOST_S * len(calls))
    began_s = time.monotonic()
    while True:
        for call in calls.values():
            call()
        if time.monotonic() - began_s >= warm_up_s:
            break
    taken_ms: dict[str, list[float]] = {name: [] for name in calls}
    until_s = time.monotonic() + most_s
    for done in range(rounds):
        if done >= 3 and time.monotonic() > until_s:
            break
        for name, call in calls.items():
            taken_ms[name].append(_taken_ms(call))
    return {name: percentiles(taken) for name, taken in taken_ms.items()}


def paced(call: Call, *, quick: bool = False) -> list[float]:
    """p50, p95, p99 in ms of a call that comes 30 times a second, as a camera's frames do: clocks fall in between."""
    calls = 3 if quick else PACED_CALLS
    taken_ms = []
    next_s = time.monotonic()
    for _ in range(calls):
        taken_ms.append(_taken_ms(call))
        next_s += 1 / PACE_HZ
        time.sleep(max(next_s - time.monotonic(), 0.0))
    return percentiles(taken_ms)


def _taken_ms(call: Call) -> float:
    began_ns = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - began_ns) / 1e6
