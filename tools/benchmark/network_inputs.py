"""From a frame's pixels to a network's input: the letterbox or the crop, and the normalisation."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from posestream.engines.geometry import whole_frame
from posestream.engines.pixels import Pixels, Preprocessor
from posestream.engines.plan import PixelFormat, Region
from posestream.engines.spec import Fit, ModelSpec
from posestream.engines.zoo.catalogue import FETCHED
from tools.benchmark.figures import Figure, Result
from tools.benchmark.footage import FULL_HD, pictures
from tools.benchmark.timing import median_ms

SIZES = ((640, 480), FULL_HD)
CROP = 0.6  # of the frame's height: a person at some distance


def measure(repeats: int, quick: bool) -> Result:
    """A repeat is the median over many frames, one thread, as in the stage."""
    cv2.setNumThreads(1)
    calls = 3 if quick else 40
    figures = []
    for size in SIZES:
        for pixel_format, frame in _frames(size):
            for network in FETCHED:
                name = f"{network.name}, {size[0]}x{size[1]} {pixel_format}"
                cutters = (_cutter(network, frame, pixel_format, size) for _ in range(repeats))
                times = [median_ms(cut, calls) for cut in cutters]
                figures.append(Figure(name, "ms", times))
    return Result(
        "one image of a network's input made from a frame, on one thread: the whole frame, or for networks that pose "
        f"one person a crop of {CROP:.0%} of its height",
        figures,
    )


def _frames(size: tuple[int, int]) -> Iterator[tuple[PixelFormat, Pixels]]:
    (picture,) = pictures(1, size)
    yield "bgr24", picture
    yield "i420", np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)


def _cutter(network: ModelSpec, frame: Pixels, pixel_format: PixelFormat, size: tuple[int, int]) -> Callable[[], None]:
    """What makes one image of the network's input."""
    spec = network.input
    width, height = size
    region, size_hw = whole_frame(spec, (height, width))
    if spec.fit is Fit.CROP:
        side_px = CROP * height
        region = Region((width - side_px) / 2, (height - side_px) / 2, side_px, side_px)
    out = np.empty(spec.image_shape(size_hw), spec.tensor.dtype)
    preprocessor = Preprocessor(spec)
    return lambda: preprocessor(frame, pixel_format, region, out)
