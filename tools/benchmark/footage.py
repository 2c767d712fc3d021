"""The pictures that are measured with: the demo's scene, with its real people, at the size that is wanted."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from posestream.engines.zoo.download.photographs import photographs
from posestream.stream.sources.demo import FPS, GEOMETRY, DemoFrame, paint_wall

FULL_HD = (1920, 1080)
CODEC = "mpeg4"  # in every build of FFmpeg; a 1080p frame takes about as long to decode as a camera's H.264


def pictures(count: int, size: tuple[int, int], every: int = 1) -> Iterator[NDArray[np.uint8]]:
    """`count` frames of the scene, (H, W, 3) BGR, scaled up to `size`, its (width, height); cut to that aspect.

    Raises WeightsError where the demo's photographs cannot be had.
    """
    wall = paint_wall(photographs())
    slot = np.empty(GEOMETRY.nbytes, np.uint8)
    used = min(GEOMETRY.height, GEOMETRY.width * size[1] // size[0])
    top = (GEOMETRY.height - used) // 2
    for index in range(count):
        DemoFrame(wall, index * every, 0).write(slot)
        shown = slot.reshape(GEOMETRY.shape)[top : top + used]
        yield np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def make_video(path: Path, count: int, size: tuple[int, int]) -> None:
    """Writes `count` frames of the scene at 30 fps as a video file."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODEC, rate=Fraction(FPS), options={"qscale": "4"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for picture in pictures(count, size):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
