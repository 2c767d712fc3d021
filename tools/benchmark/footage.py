"""Pictures and videos to measure with: the demo's scene, with its real people, at the size that is wanted."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TypeAlias

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from posestream.engines.zoo.download.fetch import is_cached
from posestream.engines.zoo.download.photographs import SOURCE, photographs
from posestream.stream.sources.demo import FPS, GEOMETRY, DemoFrame, paint_wall
from tools.benchmark.figures import NotMeasuredError

FULL_HD, HD = (1920, 1080), (1280, 720)  # width, height
FIRST, SECOND = range(180, 240), range(380, 440)  # frames of the demo that show the one person, and the other
CODEC = "mpeg4"  # in every build of FFmpeg; a 1080p frame takes about as long to decode as a camera's H.264

Picture: TypeAlias = NDArray[np.uint8]


def pictures(count: int, size: tuple[int, int], every: int = 1) -> Iterator[Picture]:
    """Every so many-th frame of the demo, `count` of them, at `size`; see `demo_frame`.

    Fetches the demo's photographs where they are not here; raises WeightsError where they cannot be had.
    """
    photographs()
    for index in range(count):
        yield demo_frame(index * every, size)


def one_person(count: int) -> Iterator[Picture]:
    """Frames of 720p with one person. Raises NotMeasuredError."""
    for index in range(count):
        yield demo_frame(_there_and_back(FIRST, index), HD)


def four_people(count: int) -> Iterator[Picture]:
    """Frames of 720p with four people, each in a quarter of the picture. Raises NotMeasuredError."""
    quarter = HD[0] // 2, HD[1] // 2
    for index in range(count):
        views = [demo_frame(_there_and_back(way, index), quarter) for way in (FIRST, SECOND, SECOND[::-1], FIRST[::-1])]
        yield np.vstack([np.hstack(views[:2]), np.hstack(views[2:])])


def demo_frame(index: int, size: tuple[int, int]) -> Picture:
    """Frame `index` of the demo, (H, W, 3) BGR, scaled to `size`, its (width, height), and cut to that aspect.

    Raises NotMeasuredError where the demo's photographs are not here; fetches nothing.
    """
    slot = np.empty(GEOMETRY.nbytes, np.uint8)
    DemoFrame(_wall(), index, 0).write(slot)
    used = min(GEOMETRY.height, GEOMETRY.width * size[1] // size[0])
    top = (GEOMETRY.height - used) // 2
    shown = slot.reshape(GEOMETRY.shape)[top : top + used]
    return np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def write_video(
    path: Path, frames: Iterable[Picture], size: tuple[int, int], *, bit_rate: int = 0, times: int = 1
) -> Path:
    """Writes frames of (width, height) `size` as a video of 30 fps; returns its path.

    They are encoded once, with `bit_rate` bits a second or else at a constant quality, and shown `times` times over.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODEC, rate=Fraction(FPS), options={} if bit_rate else {"qscale": "4"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        if bit_rate:
            stream.bit_rate = bit_rate
        packets = [
            packet
            for picture in frames
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24"))
        ]
        packets += stream.encode(None)
        # A packet is muxed once, so each turn gets copies of its own.
        copies = [(bytes(packet), packet.pts or 0, packet.is_keyframe, packet.time_base) for packet in packets]
        for turn in range(times):
            for content, pts, is_keyframe, time_base in copies:
                packet = av.Packet(content)
                packet.stream, packet.time_base, packet.is_keyframe = stream, time_base, is_keyframe
                packet.pts = packet.dts = pts + round(turn * len(copies) / FPS / time_base)
                container.mux(packet)
    return path


@cache
def _wall() -> Picture:
    if not is_cached(SOURCE):  # fetched once, before all else: where that failed, nobody tries again
        raise NotMeasuredError("the demo's photographs are not here")
    return paint_wall(photographs())


def _there_and_back(way: Sequence[int], index: int) -> int:
    """A step of a way that is gone back when it ends, so that nothing jumps."""
    turn = index % (2 * len(way) - 2)
    return way[min(turn, 2 * len(way) - 2 - turn)]
