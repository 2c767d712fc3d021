"""JPEGs of frames for browsers: copied from the ring and scaled down. Imported when the first browser connects."""

from collections.abc import Callable
from pathlib import Path

import cv2

from posestream.stream.config import PageSettings
from posestream.stream.drawing.pictures import FrameReader


class Encoder:
    """Encodes frames. Not thread-safe. `ring_path`: `Topology.frame_ring`."""

    def __init__(self, ring_path: Callable[[str, int], Path], settings: PageSettings) -> None:
        cv2.setNumThreads(1)  # leaves the cores to the networks
        self._pictures = FrameReader(ring_path)
        self._width_px = settings.width_px
        self._options = [cv2.IMWRITE_JPEG_QUALITY, settings.quality_percent]

    def jpeg(self, camera: str, epoch: int, seq: int) -> bytes | None:
        """The frame as JPEG; None if it was overwritten before it was copied."""
        picture = self._pictures.copy(camera, epoch, seq)
        if picture is None:
            return None
        height, width = picture.shape[:2]
        if width > self._width_px:
            size = (self._width_px, max(1, round(height * self._width_px / width)))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        _, jpeg = cv2.imencode(".jpg", picture, self._options)
        return jpeg.tobytes()

    def close(self) -> None:
        """Unmaps the rings."""
        self._pictures.close()
