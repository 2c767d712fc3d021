"""The one place that reads a clock. Steps never do: their loops hand them the time."""

import time


def now_ns() -> int:
    """Monotonic time in ns, comparable between the processes of one machine (CLOCK_MONOTONIC)."""
    return time.monotonic_ns()


def unix_offset_ns() -> int:
    """What to add to a monotonic time to get wall-clock time, in ns; sampled anew at each call, for clocks are set.

    The wall clock is read between two monotonic readings, and belongs to their middle.
    """
    before = time.monotonic_ns()
    wall = time.time_ns()
    after = time.monotonic_ns()
    return wall - (before + after) // 2
