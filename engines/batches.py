"""The work that a backend is given: images, or regions of frames, and where the outputs go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.pixels import PixelFormat
from posestream.engines.plan import Region


@dataclass(frozen=True, slots=True)
class Batch:
    """One call's worth of work: images of one size, and where their outputs go.

    `images` is C-contiguous with the dtype and layout of `spec.input.tensor`, (N, ...). `outputs[i]` is C-contiguous
    with the dtype of `spec.outputs[i]`, (N, ...), and is overwritten. The caller owns all of them, and keeps them
    alive and unchanged until `run` returns.
    """

    images: NDArray[Any]
    outputs: Sequence[NDArray[Any]]


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Regions of one frame that a backend is to cut out and run, and where what it finds in them goes.

    `picture` is the frame as `engines.pixels.Preprocessor` takes it; `size_hw` the height and width of the images that
    the regions become. `outputs` are as `FromFrames.frame_shapes` says, C-contiguous, and are overwritten. The caller
    owns all of them, and keeps them alive and unchanged until `run_frames` returns.
    """

    picture: NDArray[np.uint8]
    pixel_format: PixelFormat
    regions: Sequence[Region]
    size_hw: tuple[int, int]
    outputs: Sequence[NDArray[Any]]
