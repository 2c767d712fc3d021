"""`track`: people over time in a file, in this process: the journey of every frame, one after the other."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

from posestream.engines.skeletons import SKELETONS
from posestream.stream.config import Config
from posestream.stream.drawing.pictures import as_bgr
from posestream.stream.errors import ConfigError
from posestream.stream.estimator.backends import loaded
from posestream.stream.estimator.journey import journey
from posestream.stream.ipc import shared_memory
from posestream.stream.poses import VideoFrame
from posestream.stream.run.keywords import Keywords, settings_of
from posestream.stream.run.planning import plan_for
from posestream.stream.run.topology import CameraSpec
from posestream.stream.run.weights import network_files
from posestream.stream.sources import parse
from posestream.stream.sources.parse import SourceSpec
from posestream.stream.sources.source_options import source_options

log = logging.getLogger(__name__)


def track(
    source: str | Path, *, config: str | Path | None = None, **keywords: Unpack[Keywords]
) -> Iterator[VideoFrame]:
    """The people in every frame of a video, an image or a folder of images, with identities, in this process.

        for frame in ps.track("walk.mp4", model="movenet-thunder"):
            cv2.imshow("walk", frame.poses.draw(frame.image))

    Frames come in order, none is left out but those that are damaged (`VideoFrame.drops`), and people keep their ids
    from frame to frame; in a folder each image is a scene of its own, without ids. `config` is a file of settings;
    keywords are the long flags of `posestream run`, and `settings` takes all others, by "section.key".

    Raises SourceError where the file is none that can be read, ConfigError for a camera (see `run`) or a setting that
    is wrong, WeightsError where a network cannot be had, BackendError where one cannot be run.
    """
    settings = settings_of(keywords, config)
    meant = parse.parse(str(source))
    if meant.live:
        raise ConfigError(f"{meant.name}: track reads files; for cameras there is run")
    return _frames(meant, settings, network_files(settings, log.info))


def _frames(meant: SourceSpec, settings: Config, files: dict[str, str]) -> Iterator[VideoFrame]:
    camera = CameraSpec(
        name=Path(meant.target).name, source=meant.target, policy="every", independent_images=meant.independent_images
    )
    skeleton = SKELETONS[plan_for(settings).pose.skeleton or ""]
    source = parse.maker(meant, source_options(settings))()
    source.open()
    with (
        tempfile.TemporaryDirectory(prefix="posestream-track-", dir=shared_memory.place()) as folder,
        loaded(settings, files) as backends,
    ):
        try:
            for count, arrived in enumerate(journey(source, camera, settings, backends, Path(folder)), start=1):
                image = as_bgr(arrived.pixels.picture, arrived.pixels.pixel_format)
                yield VideoFrame.of(arrived.message, skeleton, image=image)
                if count == settings.run.frames:
                    return
        finally:
            source.close()
