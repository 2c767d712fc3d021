"""What every source of frames is: something to open, that hands over frames as they arrive, not yet converted.

Conversion waits for `Frame.write`, so that a frame which a newer one replaces never costs more than its arrival.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

PixelFormat: TypeAlias = Literal["bgr24", "i420", "nv12"]


class SourceError(Exception):
    """A source cannot be used: it is absent, unreachable or bad. One line: what is wrong, where, what to do."""


class SourceLost(SourceError):  # noqa: N818  (says what happened; the base class says that it is an error)
    """A source that was open delivers no more: close it, and try to open it again."""


class DecodeError(SourceError):
    """One frame arrived damaged: count it as dropped and read on."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Size and memory layout of a frame's pixels.

    `i420` and `nv12` are BT.601 in studio range (16-235), as OpenCV converts them. Their sides must be even, or this
    raises ValueError.
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


class Frame(Protocol):
    """One frame as it arrived, not yet converted."""

    @property
    def arrived_ns(self) -> int:
        """`time.monotonic_ns()` right after the read that brought it returned."""
        ...

    @property
    def source_ns(self) -> int | None:
        """The stream's own timestamp, or None where it has none."""
        ...

    @property
    def geometry(self) -> Geometry:
        """What `write` will write."""
        ...

    def write(self, slot: NDArray[np.uint8]) -> None:
        """Puts the pixels into `slot`, 1-D uint8 of `geometry.nbytes`, with the fewest copies the decoder allows.

        Raises DecodeError where the frame is damaged; the slot's content is then undefined.
        """
        ...


class Source(Protocol):
    """A stream of frames. Not thread-safe."""

    live: bool
    """True where frames come at their own pace (cameras); False for files, which end."""
    name: str
    """For people to read; credentials are redacted."""

    def open(self) -> None:
        """Raises SourceError where the source is absent, unreachable or bad."""
        ...

    def read(self) -> Frame | None:
        """The next frame, waiting for it; None at the end of a file.

        Raises SourceLost where a live source delivers no more, DecodeError where one frame is damaged.
        """
        ...

    def close(self) -> None:
        """Frees the device, the connection or the file. May be called twice."""
        ...
