"""How a network is made ready on a GPU, by whichever runtime."""

from dataclasses import dataclass

from posestream.engines.progress import Progress, no_progress


@dataclass(frozen=True, slots=True)
class GpuOptions:
    """What matters to GPUs alone: which one, by its number, and for which batch sizes networks are made ready.

    `frames`: crops are to be cut out of frames there too, and with `decode` joints to be found.
    """

    index: int = 0
    batches: tuple[int, ...] = (1,)
    frames: bool = False
    decode: bool = False
    progress: Progress = no_progress
