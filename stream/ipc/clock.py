"""The clocks. Only loops read them; steps take the time as an argument."""

import time


def now_ns() -> int:
    """Monotonic time in ns, comparable between the processes of one machine (CLOCK_MONOTONIC)."""
    return time.monotonic_ns()


def unix_offset_ns() -> int:
    """Offset from monotonic to wall-clock time, in ns; sampled at each call, because wall clocks are set.

    The wall clock is read between two monotonic readings, and matched with their mean.
    """
    before = time.monotonic_ns()
    wall = time.time_ns()
    after = time.monotonic_ns()
    return wall - (before + after) // 2
