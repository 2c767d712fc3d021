"""How a network is made ready on a GPU, by whichever runtime."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, float], None]
"""Hears the name of what is being done, and how much of that is done, 0 to 1; it may take seconds to minutes."""


def unheard(_phase: str, _done: float) -> None:
    """Where nobody listens."""


@dataclass(frozen=True, slots=True)
class OnGpu:
    """What matters to GPUs alone: which one, by its number, and for which batch sizes networks are made ready.

    `frames`: crops are to be cut out of frames there too, and with `decode` joints to be found.
    """

    index: int = 0
    batches: tuple[int, ...] = (1,)
    frames: bool = False
    decode: bool = False
    progress: Progress = unheard
