"""What systemd is told of a run that it started with Type=notify: ready, its status, alive, stopping; sd_notify(3).

Where systemd does not ask for it, which is by the variables NOTIFY_SOCKET and WATCHDOG_USEC, nothing is done.
"""

import os
import socket
from collections.abc import Mapping
from typing import Self

from posestream.stream.run.child import Child

VITAL = frozenset({"preprocess", "infer", "postprocess", "publish"})  # without one of them no frame comes out
STATUS_EVERY_NS = 1_000_000_000


class Watchdog:
    """Speaks to systemd while its block lasts. What cannot be sent is dropped, or sent with the next `update`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment` is that of the process that systemd started."""
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._feed_every_ns = _watchdog_us(environment) * 1000 // 2
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self._address else None
        if self._socket is not None:
            self._socket.setblocking(False)
        self._ready = self._stopping = False
        self._status = ""
        self._status_ns, self._fed_ns = -STATUS_EVERY_NS, 0

    def update(self, children: Mapping[str, Child], status: str, now_ns: int) -> None:
        """To be called whenever the supervisor has looked after its children; `now_ns` is on any monotonic clock.

        READY=1 is sent once all are ready, and from then on WATCHDOG=1, at half the interval that systemd set: a
        supervisor that hangs does not call, and none is sent while a vital process is not ready.
        """
        if not self._ready:
            self._ready = all(child.ready for child in children.values()) and self._send("READY=1")
            self._fed_ns = now_ns
        if status != self._status and now_ns - self._status_ns >= STATUS_EVERY_NS and self._send(f"STATUS={status}"):
            self._status, self._status_ns = status, now_ns
        due = self._ready and self._feed_every_ns and now_ns - self._fed_ns >= self._feed_every_ns
        if due and _complete(children) and self._send("WATCHDOG=1"):
            self._fed_ns = now_ns

    def stopping(self) -> None:
        """Says that the run is about to stop; once."""
        self._stopping = self._stopping or self._send("STOPPING=1")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping()
        if self._socket is not None:
            self._socket.close()

    def _send(self, text: str) -> bool:
        """False where it was not taken: systemd has much to read, or is gone."""
        if self._socket is None:
            return True
        try:
            self._socket.sendto(text.encode(), self._address)
        except OSError:
            return False
        return True


def _address(name: str) -> str:
    """A path, or with a leading @ a name in the abstract namespace; "" for what is neither."""
    return "\0" + name[1:] if name.startswith("@") else name if name.startswith("/") else ""


def _watchdog_us(environment: Mapping[str, str]) -> int:
    """Microseconds between two signs of life at most; 0 where none is asked of this process."""
    meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    interval = environment.get("WATCHDOG_USEC", "")
    return int(interval) if meant and interval.isdecimal() else 0


def _complete(children: Mapping[str, Child]) -> bool:
    return all(child.ready for name, child in children.items() if name.partition(".")[0] in VITAL)
