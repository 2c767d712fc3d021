"""BGR copies of frames, for processes without a lease."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.plan import PixelFormat
from posestream.stream.ipc.frame_rings import FrameRings

Picture: TypeAlias = NDArray[np.uint8]

CONVERSIONS = {"i420": cv2.COLOR_YUV2BGR_I420, "nv12": cv2.COLOR_YUV2BGR_NV12}


def as_bgr(raw: Picture, pixel_format: PixelFormat) -> Picture:
    """A frame as (H, W, 3) uint8 BGR, a copy; `raw` is shaped as `Ring.picture`."""
    conversion = CONVERSIONS.get(pixel_format)
    return raw.copy() if conversion is None else np.asarray(cv2.cvtColor(raw, conversion), np.uint8)


class FrameReader:
    """Reads frames by number. `ring_path` returns the ring's file of a camera and epoch: `Topology.frame_ring`."""

    def __init__(self, ring_path: Callable[[str, int], Path]) -> None:
        self._rings = FrameRings(ring_path)

    def copy(self, camera: str, epoch: int, seq: int) -> Picture | None:
        """The frame as (H, W, 3) uint8 BGR, the caller's own; None if it is overwritten or its ring is unlinked."""
        try:
            ring = self._rings.of(camera, epoch)
        except FileNotFoundError:
            return None
        raw = ring.copy(seq)
        if raw is None or ring.layout.geometry is None:
            return None
        return raw if ring.layout.geometry.pixel_format == "bgr24" else as_bgr(raw, ring.layout.geometry.pixel_format)

    def close(self) -> None:
        """Unmaps all rings."""
        self._rings.close()
