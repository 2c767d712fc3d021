"""The cameras of a run, from what a user names as sources."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from posestream.stream.config import Config
from posestream.stream.errors import ConfigError
from posestream.stream.run.topology import CameraSpec
from posestream.stream.sources import parse
from posestream.stream.sources.redact import redact
from posestream.stream.sources.source import SourceError
from posestream.stream.sources.webcam.v4l2 import list_cameras

log = logging.getLogger(__name__)


def cameras_of(sources: Sequence[str], settings: Config) -> tuple[CameraSpec, ...]:
    """A camera for each SOURCE or NAME=SOURCE, or else of [cameras], or else the first one that works here.

    Raises ConfigError where a source or a name is none, or a name stands twice.
    """
    named = dict(_named(source, i) for i, source in enumerate(sources)) or dict(settings.cameras)
    if len(named) < len(sources):
        raise ConfigError("two sources have the same name; each NAME in NAME=SOURCE must be its own")
    return named_cameras(named or {"cam0": _default_source()})


def named_cameras(sources: Mapping[str, str]) -> tuple[CameraSpec, ...]:
    """A camera for each name and its source. Raises ConfigError where one is none."""
    return tuple(camera(name, text) for name, text in sources.items())


def camera(name: str, text: str) -> CameraSpec:
    """The camera of that name and source. Raises ConfigError where one is none."""
    _check_name(name, text)
    try:
        source = parse.parse(text)
    except SourceError as error:
        raise ConfigError(str(error)) from None
    return CameraSpec(
        name=name,
        source=text,
        policy="latest" if source.live else "every",
        independent_images=source.independent_images,
    )


def _named(source: str, number: int) -> tuple[str, str]:
    match = re.fullmatch(r"(\w[^=/:]*)=(.+)", source)
    if match is None or Path(source).exists():
        return f"cam{number}", source
    _check_name(match[1], match[2])
    return match[1], match[2]


def _check_name(name: str, source: str) -> None:
    if not re.fullmatch(r"[a-z0-9_-]{1,64}", name):
        given = f"{name}={redact(source)}"
        raise ConfigError(f"{given}: a camera's name is made of a-z, 0-9, _ and -, 64 at most, as in door=SOURCE")


def _default_source() -> str:
    """The first webcam that can be opened, by its identity, or where there is none the demo."""
    for each in list_cameras():
        if each.problem:
            log.warning("%s (%s): %s", each.path, each.name, each.problem)
        else:
            return each.identity or each.path
    log.info("no webcam here: showing the demo")
    return "demo"
