"""A descriptor that a thread makes readable, so that a consumer can wait for it with select beside its sockets."""

import contextlib
import socket

READ_BYTES = 4096


class Wakeup:
    """A self-pipe: `set`, from any thread, makes `fileno` readable until `clear`. Two sockets: any system has them."""

    def __init__(self) -> None:
        self._reading_end, self._writing_end = socket.socketpair()
        self._reading_end.setblocking(False)
        self._writing_end.setblocking(False)

    def fileno(self) -> int:
        """Readable since the first `set` after the last `clear`."""
        return self._reading_end.fileno()

    def set(self) -> None:
        """Makes `fileno` readable."""
        with contextlib.suppress(OSError):  # buffer full: already set; closed: no consumer
            self._writing_end.send(b"\0")

    def clear(self) -> None:
        """Makes `fileno` unreadable."""
        with contextlib.suppress(BlockingIOError):
            while len(self._reading_end.recv(READ_BYTES)) == READ_BYTES:
                pass

    def close(self) -> None:
        """Frees both ends."""
        self._reading_end.close()
        self._writing_end.close()
