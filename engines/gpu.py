"""How a network is made ready on a GPU, by whichever runtime."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OnGpu:
    """What matters to GPUs alone: which one, by its number, and for which batch sizes networks are made ready.

    `frames`: crops are to be cut out of frames there too, and with `decode` joints to be found. `progress` is called
    now and then while a network is compiled, which takes seconds to minutes.
    """

    index: int = 0
    batches: tuple[int, ...] = (1,)
    frames: bool = False
    decode: bool = False
    progress: Callable[[str, float], None] = lambda _phase, _done: None
