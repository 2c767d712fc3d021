"""Images as frames: one file, or all files of a folder."""

import re
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.sources.source import DecodeError, SourceError

SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


class ImageFrame:
    """One image, BGR, upright by its EXIF orientation."""

    source_ns = None

    def __init__(self, bgr: NDArray[np.uint8], arrived_ns: int) -> None:
        self.arrived_ns = arrived_ns
        self.geometry = Geometry(bgr.shape[1], bgr.shape[0], "bgr24")
        self._bgr = bgr

    def write(self, slot: NDArray[np.uint8]) -> None:
        """Writes the pixels into `slot`, 1-D uint8 of `geometry.nbytes`."""
        np.copyto(slot.reshape(self.geometry.shape), self._bgr)


class ImageSource:
    """Every image of `path`, a file or a folder (not its subfolders), once, each of its own size.

    A folder's files come in natural order, `2.jpg` before `10.jpg`. After `open`, frame number `seq` is `paths[seq]`:
    an unreadable image is a DecodeError that uses up its number.
    """

    live = False

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.paths: tuple[Path, ...] = ()
        self._path = path
        self._next = 0

    def open(self) -> None:
        """Lists the images. Raises SourceError where there are none."""
        self._next = 0
        if self._path.is_dir():
            files = (p for p in self._path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
            self.paths = tuple(sorted(files, key=natural_order))
            if not self.paths:
                raise SourceError(f"{self.name}: there is no image in this folder ({' '.join(sorted(SUFFIXES))})")
        elif self._path.exists():
            self.paths = (self._path,)
        else:
            raise SourceError(f"{self.name}: there is no such image or folder")

    def read(self) -> ImageFrame | None:
        """The next image; None after the last. Raises DecodeError, naming the file, where it cannot be read."""
        if self._next == len(self.paths):
            return None
        path = self.paths[self._next]
        self._next += 1
        return ImageFrame(_read(path), time.monotonic_ns())

    def close(self) -> None:
        """Nothing is held open."""


def natural_order(path: Path) -> list[tuple[int, str]]:
    """A key that sorts the numbers in a file's name by value."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name.lower())]


def _read(path: Path) -> NDArray[np.uint8]:
    try:
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    except OSError as error:
        raise DecodeError(f"{path}: {error.strerror}") from None
    except cv2.error as error:  # larger than OpenCV allows
        raise DecodeError(f"{path}: {error.err}") from None
    if image is None:
        raise DecodeError(f"{path}: this is not an image that OpenCV can read, or it is damaged")
    return np.asarray(image, np.uint8)
