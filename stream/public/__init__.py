"""posestream: people's poses in pictures, videos and live cameras.

    import posestream as ps

In one process:

    PoseEstimator      people in pictures that a program has
    track              people over time in a file, with identities

By processes, for cameras:

    run                a run that lives as long as a `with` block, and its frames
    Run                what `run` gives
    subscribe          frames of a run that goes on elsewhere
    subscribe_async    the same for asyncio

What they give:

    Poses              the people of one picture, as arrays
    Frame              one frame of a camera: its people and its facts
    VideoFrame         a frame with its picture
    Skeleton           names and links of the joints
    CameraState        "connecting", "live", "stalled", "lost" or "ended"

What they raise:

    PosestreamError    the base of all others; each message is one line that says what to do
    ConfigError        a setting or keyword is wrong
    UnknownModelError  no model has that name
    WeightsError       a model's weights cannot be had, or are not what they should be
    BackendError       a network could not be loaded or run
    SourceError        a file or camera cannot be read
    RunError           a run cannot start or go on
    Timeout            nothing was received in time

`__version__` is the version of the package. Everything else is internal, and may change at any time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posestream.engines.exceptions import BackendError, PosestreamError, UnknownModelError, WeightsError
    from posestream.engines.skeletons import Skeleton
    from posestream.stream.errors import ConfigError, RunError, Timeout
    from posestream.stream.estimator.estimator import PoseEstimator
    from posestream.stream.estimator.tracking import track
    from posestream.stream.poses import Frame, Poses, VideoFrame
    from posestream.stream.published import CameraState
    from posestream.stream.session.program_run import Run, run
    from posestream.stream.sources.source import SourceError
    from posestream.stream.subscription import subscribe, subscribe_async

    __version__: str

__all__ = [
    "BackendError",
    "CameraState",
    "ConfigError",
    "Frame",
    "PoseEstimator",
    "Poses",
    "PosestreamError",
    "Run",
    "RunError",
    "Skeleton",
    "SourceError",
    "Timeout",
    "UnknownModelError",
    "VideoFrame",
    "WeightsError",
    "__version__",
    "run",
    "subscribe",
    "subscribe_async",
    "track",
]

_HOMES = {
    "engines.exceptions": ("BackendError", "PosestreamError", "UnknownModelError", "WeightsError"),
    "engines.skeletons": ("Skeleton",),
    "stream.errors": ("ConfigError", "RunError", "Timeout"),
    "stream.estimator.estimator": ("PoseEstimator",),
    "stream.estimator.tracking": ("track",),
    "stream.poses": ("Frame", "Poses", "VideoFrame"),
    "stream.published": ("CameraState",),
    "stream.session.program_run": ("Run", "run"),
    "stream.sources.source": ("SourceError",),
    "stream.subscription": ("subscribe", "subscribe_async"),
}
"""Where each name lives. It is imported at its first use: subscribing loads neither OpenCV nor a runtime."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("posestream")
    for home, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"posestream.{home}"), name)
            return value
    raise AttributeError(f"module 'posestream' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
