"""The interface of a source: it is opened, and delivers frames as they arrive, not yet converted.

Conversion waits for `SourceFrame.write`, so that a frame which a newer one replaces never costs more than its arrival.
"""

from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from posestream.engines.exceptions import PosestreamError
from posestream.stream.ipc.frame_geometry import Geometry

Policy: TypeAlias = Literal["latest", "every"]
"""Delivery of a source's frames: the newest wins and older ones are dropped, or the source waits and none is lost."""


class SourceError(PosestreamError):
    """A source cannot be used: it is absent, unreachable or bad. One line: what is wrong, where, what to do."""


class SourceLost(SourceError):  # noqa: N818  (says what happened; the base class says that it is an error)
    """A source that was open delivers no more: close it, and try to open it again."""


class DecodeError(SourceError):
    """One frame arrived damaged: count it as dropped and read on."""


class SourceFrame(Protocol):
    """A frame as its source delivered it, not yet converted."""

    @property
    def arrived_ns(self) -> int:
        """`time.monotonic_ns()` right after the read that brought it returned."""
        ...

    @property
    def source_ns(self) -> int | None:
        """The stream's own timestamp, or None if it has none."""
        ...

    @property
    def geometry(self) -> Geometry:
        """Size and pixel format that `write` writes."""
        ...

    def write(self, slot: NDArray[np.uint8]) -> None:
        """Writes the pixels into `slot`, 1-D uint8 of `geometry.nbytes`, with the fewest copies the decoder allows.

        Raises DecodeError where the frame is damaged; the slot's content is then undefined.
        """
        ...


class Source(Protocol):
    """A stream of frames. Not thread-safe."""

    live: bool
    """True if frames come at their own pace (cameras); False for files, which end."""
    name: str
    """The name for logs and messages, credentials redacted."""

    def open(self) -> None:
        """Raises SourceError where the source is absent, unreachable or bad."""
        ...

    def read(self) -> SourceFrame | None:
        """The next frame, waiting for it; None at the end of a file.

        Raises SourceLost where a live source delivers no more, DecodeError where one frame is damaged.
        """
        ...

    def close(self) -> None:
        """Frees the device, the connection or the file. May be called twice."""
        ...
