"""The rings of the cameras' frames as a reader maps them: of each camera that of the newest epoch it was asked for."""

from collections.abc import Callable

from stream.ring import Ring
from stream.topology import Topology


class FrameRings:
    """`opened` and `closing` hear of each ring that is mapped, and before it is let go.

    Where `writable`, pages may be locked for a device, which a mapping that may only be read forbids; nobody writes.
    """

    def __init__(
        self,
        topology: Topology,
        *,
        writable: bool = False,
        opened: Callable[[Ring], None] = lambda _: None,
        closing: Callable[[Ring], None] = lambda _: None,
    ) -> None:
        self._topology, self._writable, self._opened, self._closing = topology, writable, opened, closing
        self._held: dict[str, Ring] = {}

    def of(self, camera: str, epoch: int) -> Ring:
        """The ring of that epoch; one of another is let go. Raises FileNotFoundError where it is gone already."""
        held = self._held.get(camera)
        if held is None or held.layout.epoch != epoch:
            ring = Ring(self._topology.frame_ring(camera, epoch), writable=self._writable)
            if held is not None:
                self._closing(held)
                held.close()
            self._held[camera] = ring
            self._opened(ring)
        return self._held[camera]
