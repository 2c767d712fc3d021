"""The frames of a source that is read in this process, by number, and the slots that they are written into."""

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.ring import Layout, Ring
from posestream.stream.sources.source import DecodeError, Source, SourceFrame
from posestream.stream.stages.capture import capture

log = logging.getLogger(__name__)


def arrivals(source: Source) -> Iterator[tuple[int, SourceFrame]]:
    """Number and frame until the source ends; a frame that is damaged uses up its number. Raises SourceLost."""
    for seq in itertools.count():
        try:
            arrived = source.read()
        except DecodeError as error:
            log.warning("dropped a damaged frame: %s", error)
            continue
        if arrived is None:
            return
        yield seq, arrived


def slots_for(
    geometry: Geometry, before: capture.CaptureState | None, camera: str, path: Path, epoch: int
) -> capture.CaptureState:
    """The slots for frames of that geometry: those of `before`, or where it had another a new ring at `path`."""
    if before is not None and before.ring.layout.geometry == geometry:
        return before
    if before is not None:
        before.ring.close()
        before.ring.path.unlink()
    return capture.CaptureState(camera, Ring.create(path, Layout(2, geometry.nbytes, epoch, geometry)), credits=1)
