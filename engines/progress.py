"""Progress callbacks, for work that takes seconds to minutes."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, float], None]
"""Called with the current phase and how much of it is done, 0 to 1."""

ProgressLine: TypeAlias = Callable[[str], None]
"""Called with one line of text for people, at the start of each step."""


def no_progress(*_: object) -> None:
    """A callback of either kind that does nothing."""
