"""Frames for people to look at: copied out of the rings by processes that hold no lease, as BGR."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.ring import Ring

Picture: TypeAlias = NDArray[np.uint8]

CONVERSIONS = {"i420": cv2.COLOR_YUV2BGR_I420, "nv12": cv2.COLOR_YUV2BGR_NV12}


class Pictures:
    """Reads frames by number. `ring_path` says where the ring of a camera and epoch lies: `Topology.frame_ring`."""

    def __init__(self, ring_path: Callable[[str, int], Path]) -> None:
        self._ring_path = ring_path
        self._rings: dict[str, Ring] = {}

    def copy(self, camera: str, epoch: int, seq: int) -> Picture | None:
        """The frame as (H, W, 3) uint8 BGR, the caller's own; None where it was overwritten, or its ring is gone."""
        ring = self._ring(camera, epoch)
        raw = None if ring is None else ring.copy(seq)
        if ring is None or raw is None or ring.layout.geometry is None:
            return None
        conversion = CONVERSIONS.get(ring.layout.geometry.pixel_format)
        return raw if conversion is None else np.asarray(cv2.cvtColor(raw, conversion), np.uint8)

    def _ring(self, camera: str, epoch: int) -> Ring | None:
        ring = self._rings.get(camera)
        if ring is not None and ring.layout.epoch == epoch:
            return ring
        self._let_go(camera)
        try:
            self._rings[camera] = Ring(self._ring_path(camera, epoch), writable=False)
        except FileNotFoundError:
            return None
        return self._rings[camera]

    def _let_go(self, camera: str) -> None:
        if camera in self._rings:
            self._rings.pop(camera).close()

    def close(self) -> None:
        """Unmaps all rings."""
        for camera in tuple(self._rings):
            self._let_go(camera)
