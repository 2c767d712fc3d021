"""The frame rings that a reader has mapped: one a camera, that of the epoch it last asked for."""

from collections.abc import Callable
from pathlib import Path

from posestream.stream.ipc.ring import Ring


class FrameRings:
    """Maps frame rings on demand.

    `path_of` returns the file of a camera's epoch: `Topology.frame_ring`. `opened` is called with each ring after it is
    mapped, `closing` before it is unmapped. `writable` maps it for writing, which page-locking for a device needs; the
    reader does not write.
    """

    def __init__(
        self,
        path_of: Callable[[str, int], Path],
        *,
        writable: bool = False,
        opened: Callable[[Ring], None] = lambda _: None,
        closing: Callable[[Ring], None] = lambda _: None,
    ) -> None:
        self._path_of, self._writable, self._opened, self._closing = path_of, writable, opened, closing
        self._held: dict[str, Ring] = {}

    def of(self, camera: str, epoch: int) -> Ring:
        """The ring of that epoch; the camera's ring of another epoch is unmapped.

        Raises FileNotFoundError where the ring is unlinked already.
        """
        held = self._held.get(camera)
        if held is None or held.layout.epoch != epoch:
            ring = Ring(self._path_of(camera, epoch), writable=self._writable)
            if held is not None:
                self._closing(held)
                held.close()
            self._held[camera] = ring
            self._opened(ring)
        return self._held[camera]

    def close(self) -> None:
        """Unmaps all rings."""
        while self._held:
            _, ring = self._held.popitem()
            self._closing(ring)
            ring.close()
