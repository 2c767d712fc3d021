"""Batches of work for a backend: images or regions of a frame, with the arrays for their outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.plan import PixelFormat, Region


@dataclass(frozen=True, slots=True)
class Batch:
    """Images of one size, and the arrays for their outputs.

    `images` (N, ...) is C-contiguous with the dtype and layout of `spec.input.tensor`. `outputs[i]` (N, ...) is
    C-contiguous with the dtype of `spec.outputs[i]`, and is overwritten. The caller owns all of them, and keeps them
    alive and unchanged until `run` returns.
    """

    images: NDArray[Any]
    outputs: Sequence[NDArray[Any]]


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Regions of one frame for a backend that cuts them out itself, and the arrays for its outputs.

    `picture` is a frame as in `engines.pixels.Preprocessor`; `size_hw` the height and width of the images of the
    regions. `outputs` have the shapes of `FromFrames.frame_shapes`, C-contiguous, and are overwritten. The caller owns
    all of them, and keeps them alive and unchanged until `run_frames` returns.
    """

    picture: NDArray[np.uint8]
    pixel_format: PixelFormat
    regions: Sequence[Region]
    size_hw: tuple[int, int]
    outputs: Sequence[NDArray[Any]]
