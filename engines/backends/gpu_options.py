"""Options that only GPU backends use."""

from dataclasses import dataclass

from posestream.engines.progress import Progress, no_progress


@dataclass(frozen=True, slots=True)
class GpuOptions:
    """The GPU's number, counted from 0, and the batch sizes to prepare memory and graphs for.

    `frames`: the GPU also cuts the crops from frames; with `decode` it also decodes keypoints from the outputs.
    """

    index: int = 0
    batches: tuple[int, ...] = (1,)
    frames: bool = False
    decode: bool = False
    progress: Progress = no_progress
