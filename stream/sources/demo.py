"""The demo: a camera that pans and zooms over two photographs of people on a wall, in real time, for ever.

y 0 ┌──────────────────────────────────────────────┐   The view is a 4:3 window of this wall, slightly rotated.
    │     ┌──────────┐ ┌──────────┐                │   It visits both people, each alone, and the empty part,
    │     │ first    │ │ second   │     (empty)    │   and returns to its start after `LOOP_S`.
    │     └──────────┘ └──────────┘                │
960 └──────────────────────────────────────────────┘ x 2300
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.sources.source import SourceError, SourceLost

GEOMETRY = Geometry(640, 480, "bgr24")
FPS = 30
PERIOD_NS = 1_000_000_000 // FPS
LOOP_S = 22
LOOP_FRAMES = LOOP_S * FPS

WALL_WIDTH_PX, WALL_HEIGHT_PX = 2300, 960
PHOTOGRAPH_PX = 512
PHOTOGRAPHS_XY_PX = ((280, 224), (824, 224))
MOUNT_PX = 12
WALL_BGR = ((196, 203, 207), (150, 160, 168))  # top, bottom
MOUNT_BGR = (244, 246, 247)
SWAY_PX, ROLL_DEG = 7.0, 1.5  # of a hand-held camera


class View(NamedTuple):
    """The window at a moment of the loop: its centre and width on the wall."""

    at_s: float
    x_px: float
    y_px: float
    width_px: float


PATH = (
    View(0.0, 808, 480, 1180),  # both
    View(2.5, 808, 480, 1150),
    View(5.5, 536, 470, 660),  # the first, from nearer
    View(8.5, 520, 420, 560),
    View(12.0, 1080, 470, 660),  # the second
    View(14.5, 1060, 440, 580),
    View(17.0, 1900, 480, 700),  # nobody
    View(18.0, 1890, 480, 740),
    View(LOOP_S, 808, 480, 1180),
)


class DemoFrame:
    """One moment of the scene, drawn when it is written."""

    geometry = GEOMETRY

    def __init__(self, wall: NDArray[np.uint8], index: int, arrived_ns: int) -> None:
        self.arrived_ns = arrived_ns
        self.source_ns = index * PERIOD_NS
        self._wall = wall
        self._index = index

    def write(self, slot: NDArray[np.uint8]) -> None:
        """Draws into `slot`, 1-D uint8 of `geometry.nbytes`; the picture depends on the frame's index alone."""
        width, height = GEOMETRY.width, GEOMETRY.height
        target = slot.reshape(GEOMETRY.shape)
        matrix = view_matrix(self._index)
        cv2.warpAffine(
            self._wall, matrix, (width, height), target, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
        )


class DemoSource:
    """640x480 at 30 Hz of `photographs`, two image files, each shown as a square. Frames that are not read in time are
    skipped.
    """

    live = True
    name = "demo"

    def __init__(self, photographs: Sequence[Path]) -> None:
        self._photographs = photographs
        self._wall: NDArray[np.uint8] | None = None
        self._started_ns = 0
        self._index = -1

    def open(self) -> None:
        """Reads the photographs. Raises SourceError where one cannot be read."""
        self._wall = paint_wall(self._photographs)
        self._started_ns = time.monotonic_ns()
        self._index = -1

    def read(self) -> DemoFrame:
        """The next frame, at its time. Raises SourceLost where the source is not open."""
        if self._wall is None:
            raise SourceLost(f"{self.name}: not open")
        missed = (time.monotonic_ns() - self._started_ns) // PERIOD_NS
        self._index = max(self._index + 1, missed)
        due_ns = self._started_ns + self._index * PERIOD_NS
        time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
        return DemoFrame(self._wall, self._index, time.monotonic_ns())

    def close(self) -> None:
        """Frees the photographs. Frames that were read stay valid."""
        self._wall = None


def view_matrix(index: int) -> NDArray[np.float64]:
    """2x3 matrix from pixels of frame `index` to pixels of the wall."""
    turn = 2 * math.pi * (index % LOOP_FRAMES) / LOOP_FRAMES
    x_px, y_px, width_px = _view(index % LOOP_FRAMES / FPS)
    x_px += SWAY_PX * math.sin(5 * turn)
    y_px += SWAY_PX * math.sin(7 * turn)
    roll = math.radians(ROLL_DEG) * math.sin(3 * turn)
    scale = width_px / GEOMETRY.width
    cos, sin = scale * math.cos(roll), scale * math.sin(roll)
    middle_x, middle_y = (GEOMETRY.width - 1) / 2, (GEOMETRY.height - 1) / 2
    return np.array(
        [
            [cos, -sin, x_px - cos * middle_x + sin * middle_y],
            [sin, cos, y_px - sin * middle_x - cos * middle_y],
        ]
    )


def paint_wall(photographs: Sequence[Path]) -> NDArray[np.uint8]:
    """The wall with its photographs, (960, 2300, 3) BGR. Raises SourceError where one cannot be read."""
    shade = np.linspace(*WALL_BGR, WALL_HEIGHT_PX)
    wall = np.repeat(shade.astype(np.uint8)[:, None], WALL_WIDTH_PX, axis=1)
    for path, (x, y) in zip(photographs, PHOTOGRAPHS_XY_PX, strict=True):
        photograph = cv2.imread(str(path))
        if photograph is None:
            raise SourceError(f"demo: {path} cannot be read: fetch the models again")
        far_x, far_y = x + PHOTOGRAPH_PX, y + PHOTOGRAPH_PX
        wall[y - MOUNT_PX : far_y + MOUNT_PX, x - MOUNT_PX : far_x + MOUNT_PX] = MOUNT_BGR
        wall[y:far_y, x:far_x] = cv2.resize(photograph, (PHOTOGRAPH_PX, PHOTOGRAPH_PX), interpolation=cv2.INTER_AREA)
    return wall


def _view(at_s: float) -> tuple[float, float, float]:
    """Centre and width at `at_s`, interpolated between two views of the path with ease in and out."""
    after = next(i for i, view in enumerate(PATH) if view.at_s > at_s)
    old, new = PATH[after - 1], PATH[after]
    share = (at_s - old.at_s) / (new.at_s - old.at_s)
    eased = share * share * (3 - 2 * share)
    x_px, y_px, width_px = (a + (b - a) * eased for a, b in zip(old[1:], new[1:], strict=True))
    return x_px, y_px, width_px
