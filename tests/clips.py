"""Test clips whose every frame carries its own number, as a barcode that survives compression.

The top half of a picture is twelve vertical bars, white for a 1, the lowest bit on the left.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from posestream.stream.sources.source import SourceFrame

BITS = 12
FPS = 30
KEY_FRAME_EVERY = 15
ENCODER_OPTIONS = {"preset": "ultrafast", "tune": "zerolatency"}


class Part(NamedTuple):
    """Frames of one size; a clip that changes its size along the way has several."""

    frames: int
    width: int = 320
    height: int = 240


def picture(number: int, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """RGB (H, W, 3): the barcode of `number` over grey with some noise, so that frames differ in size."""
    rgb = np.random.default_rng(number).integers(60, 100, (height, width, 3), dtype=np.uint8)
    bars = np.array([255 if number >> bit & 1 else 0 for bit in range(BITS)], np.uint8)
    edges = np.arange(width) * BITS // width
    rgb[: height // 2] = bars[edges][None, :, None]
    return rgb


def number_of(pixels: NDArray[np.uint8]) -> int:
    """The number in a grey (H, W) or colour (H, W, 3) picture."""
    grey = pixels if pixels.ndim == 2 else pixels[:, :, 1]
    height, width = grey.shape
    columns = ((np.arange(BITS) + 0.5) * width / BITS).astype(int)
    return int(sum(1 << bit for bit, value in enumerate(grey[height // 4, columns]) if value > 127))


def written(frame: SourceFrame) -> NDArray[np.uint8]:
    """What `frame` writes into a slot, in the shape its geometry tells; the slot was full of something else."""
    slot = np.full(frame.geometry.nbytes, 77, np.uint8)
    frame.write(slot)
    return slot.reshape(frame.geometry.shape)


def number_in(frame: SourceFrame) -> int:
    """The number that `frame` carries."""
    return number_of(written(frame)[: frame.geometry.height])


def write_clip(path: Path, parts: Sequence[Part] = (Part(60),), codec: str = "libx264") -> Path:
    """A video file in the format of its suffix, 30 fps; frames are numbered from 0 through all parts."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = parts[0].width, parts[0].height, "yuv420p"
        number = 0
        for index, part in enumerate(parts):
            encoder = stream.codec_context if index == 0 else av.CodecContext.create(codec, "w")
            assert isinstance(encoder, av.VideoCodecContext)
            encoder.width, encoder.height, encoder.pix_fmt = part.width, part.height, "yuv420p"
            encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
            encoder.gop_size, encoder.max_b_frames = KEY_FRAME_EVERY, 0
            encoder.options = ENCODER_OPTIONS if codec == "libx264" else {}
            frames: list[av.VideoFrame | None] = []
            for _ in range(part.frames):
                frame = av.VideoFrame.from_ndarray(picture(number, part.width, part.height), format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, FPS)
                frames.append(frame)
                number += 1
            for picture_or_end in [*frames, None]:
                for packet in encoder.encode(picture_or_end):
                    packet.stream = stream
                    container.mux(packet)
    return path
