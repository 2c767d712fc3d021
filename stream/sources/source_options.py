"""The options of sources, from the settings."""

from collections.abc import Sequence
from pathlib import Path

from posestream.stream.config import Config
from posestream.stream.sources.parse import SourceOptions

OPEN_TIMEOUT_S = 5.0  # of connecting


def source_options(settings: Config) -> SourceOptions:
    """The options of every source of a run."""
    capture = settings.capture
    return SourceOptions(
        width=capture.width_px,
        height=capture.height_px,
        fps=capture.rate_hz,
        camera_format=capture.encoding,
        transport=capture.transport,
        open_timeout_s=OPEN_TIMEOUT_S,
        stall_s=capture.stall_timeout_s,
        realtime=settings.run.realtime,
        photographs=_photographs,
    )


def _photographs() -> Sequence[Path]:
    from posestream.engines.zoo.download.photographs import photographs  # slow to import, and only for the demo

    return photographs()
