"""A descriptor that a thread makes readable, so that a consumer can wait for it with select beside its sockets."""

import contextlib
import socket

RINGS = 4096  # read at once: more than ever wait


class Bell:
    """Rung by any thread, heard through `fileno`, quiet again after `hush`. Two sockets: any system has them."""

    def __init__(self) -> None:
        self._hear, self._ring = socket.socketpair()
        self._hear.setblocking(False)
        self._ring.setblocking(False)

    def fileno(self) -> int:
        """Readable since the first `ring` after the last `hush`."""
        return self._hear.fileno()

    def ring(self) -> None:
        """Makes `fileno` readable."""
        with contextlib.suppress(OSError):  # full is loud enough; closed, nobody listens
            self._ring.send(b"\0")

    def hush(self) -> None:
        """Makes `fileno` unreadable."""
        with contextlib.suppress(BlockingIOError):
            while len(self._hear.recv(RINGS)) == RINGS:
                pass

    def close(self) -> None:
        """Frees both ends."""
        self._hear.close()
        self._ring.close()
