"""Pictures for an emulated camera, recognisable when they are read from it.

Each carries its number in a bar code on top, twice, the second time inverted; and below it patches of known colours.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.webcam.uvc_descriptors import HEIGHT, WIDTH

COUNT = 16
PATCHES_BGR = ((30, 30, 220), (30, 200, 30), (220, 60, 30), (128, 128, 128), (250, 250, 250), (6, 6, 6))

_BLOCK_PX = 32
_BITS = 8
_PATCH_PX = 64


def make_pictures(folder: Path, background: NDArray[np.uint8] | None = None) -> None:
    """Writes COUNT pictures as NN.jpg (4:2:2, as most webcams send) and NN.yuyv.

    `background` is BGR (HEIGHT, WIDTH, 3) that shows below the bar code in place of the patches.
    """
    quality = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422]
    for number in range(COUNT):
        picture = draw(number, background)
        cv2.imwrite(str(folder / f"{number:02d}.jpg"), picture, quality)
        (folder / f"{number:02d}.yuyv").write_bytes(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_YUY2).tobytes())


def draw(number: int, background: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """The picture with that number, BGR (HEIGHT, WIDTH, 3)."""
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8) if background is None else background.copy()
    if background is None:
        for place, colour in enumerate(PATCHES_BGR):
            left = place * _PATCH_PX
            picture[2 * _PATCH_PX : 3 * _PATCH_PX, left : left + _PATCH_PX] = colour
    for place in range(2 * _BITS):
        bit = bool(number >> place % _BITS & 1) != (place >= _BITS)
        picture[:_BLOCK_PX, place * _BLOCK_PX : (place + 1) * _BLOCK_PX] = 235 if bit else 20
    return picture


def number_in(picture: NDArray[np.uint8]) -> int | None:
    """The number in the bar code of a BGR picture, or None if it cannot be read."""
    lit = [bool(patch_mean(picture, place * _BLOCK_PX, 0, _BLOCK_PX).mean() > 128) for place in range(2 * _BITS)]
    if any(bit == inverted for bit, inverted in zip(lit[:_BITS], lit[_BITS:], strict=True)):
        return None
    return sum(bit << place for place, bit in enumerate(lit[:_BITS]))


def patches_in(picture: NDArray[np.uint8]) -> list[list[int]]:
    """The colours found where PATCHES_BGR were drawn, BGR."""
    places = range(len(PATCHES_BGR))
    return [
        patch_mean(picture, place * _PATCH_PX, 2 * _PATCH_PX, _PATCH_PX).round().astype(int).tolist()
        for place in places
    ]


def patch_mean(picture: NDArray[np.uint8], left: int, top: int, side: int) -> NDArray[np.float64]:
    """Mean BGR of the inner half of a square, (3,)."""
    edge = side // 4
    inner = picture[top + edge : top + side - edge, left + edge : left + side - edge]
    return np.asarray(inner.mean(axis=(0, 1)), np.float64)
