"""Size and pixel format of frames. A camera's ring holds frames of one geometry."""

from dataclasses import dataclass

import numpy as np

from posestream.engines.plan import PixelFormat


@dataclass(frozen=True, slots=True)
class Geometry:
    """Size and memory layout of a frame's pixels.

    `i420` and `nv12` are BT.601 in studio range (16-235), as OpenCV converts them.

    Raises ValueError where a side is under 1, or odd in `i420` or `nv12`.
    """

    width: int
    height: int
    pixel_format: PixelFormat

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a frame of {self.width}x{self.height} has no pixels")
        if self.pixel_format != "bgr24" and (self.width % 2 or self.height % 2):
            raise ValueError(f"{self.pixel_format} needs even sides, not {self.width}x{self.height}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the pixels as a uint8 array: (H, W, 3) for bgr24, (H * 3 / 2, W) for i420 and nv12."""
        if self.pixel_format == "bgr24":
            return (self.height, self.width, 3)
        return (self.height * 3 // 2, self.width)

    @property
    def nbytes(self) -> int:
        """Bytes of one frame."""
        rows, *rest = self.shape
        return rows * int(np.prod(rest))
