"""Videos with the demo's people and without people, made by the tests."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.zoo.download.photographs import photographs
from posestream.stream.sources.demo import FPS, GEOMETRY, DemoFrame, paint_wall

Picture = NDArray[np.uint8]
LOSSLESS = {"qp": "0", "preset": "ultrafast"}
STEP = 2  # of the demo's frames: its camera moves slowly


def people(frames: int, first: int = 0) -> Iterator[Picture]:
    """Pictures of both people, BGR (480, 640, 3); the camera moves from one to the next."""
    wall = paint_wall(photographs())
    for number in range(first, first + frames):
        picture = np.empty(GEOMETRY.nbytes, np.uint8)
        DemoFrame(wall, number * STEP, 0).write(picture)
        yield picture.reshape(GEOMETRY.shape)


def nobody(frames: int) -> Iterator[Picture]:
    """Pictures of a grey wall."""
    for _ in range(frames):
        yield np.full(GEOMETRY.shape, 128, np.uint8)


def write_video(path: Path, pictures: Iterable[Picture]) -> Path:
    """A video of 30 fps in the format of the path's suffix."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=LOSSLESS)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = GEOMETRY.width, GEOMETRY.height, "yuv420p"
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_images(folder: Path, pictures: Iterable[Picture]) -> Path:
    """A folder of images, `0.png`, `1.png`, …"""
    folder.mkdir()
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder
