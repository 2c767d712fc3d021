"""The frames of a source that is read in this process, by number."""

import itertools
import logging
from collections.abc import Iterator

from posestream.stream.sources.source import DecodeError, Source, SourceFrame

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
