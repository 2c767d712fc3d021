"""Messages between processes over ZeroMQ: one inbox a process, bound; everybody who writes to it connects.

Links inside the pipeline lose nothing and block nobody: their queues have no high-water mark, because credits bound
what can be under way. Which frames to drop is decided by stages, never by a socket.
"""

import logging
import socket
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import msgspec
import zmq

from posestream.stream.ipc.messages import AnyMessage, Message, decode, encode

log = logging.getLogger(__name__)


def endpoints(names: Iterable[str], run_dir: Path) -> dict[str, str]:
    """Where each process's inbox lies: a Unix socket in `run_dir`, or a loopback port where there are none.

    The sockets are numbered: their paths may have some hundred bytes, and a camera's name has up to 64 of its own.
    """
    if zmq.has("ipc"):
        return {name: f"ipc://{run_dir}/{number}" for number, name in enumerate(names)}
    return {name: f"tcp://127.0.0.1:{_free_port()}" for name in names}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Inbox:
    """The receiving end of a process. `malformed` counts payloads that were no message, and were dropped."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", endpoint: str) -> None:
        self.socket = context.socket(zmq.PULL)
        self.socket.set_hwm(0)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(endpoint)
        self.malformed = 0
        self._timeout_ms = -1  # what the socket is set to; ZeroMQ's own default is to wait for ever

    def receive(self, timeout_ms: int) -> list[AnyMessage]:
        """Waits until something comes, at most `timeout_ms`, and returns everything that waits, oldest first.

        It sleeps in `recv`: a poller before it would add a tenth of a millisecond to each hop at 30 frames a second.
        """
        if timeout_ms != self._timeout_ms:
            self.socket.setsockopt(zmq.RCVTIMEO, timeout_ms)
            self._timeout_ms = timeout_ms
        try:
            payload = self.socket.recv()
        except zmq.Again:
            return []
        return [*self._decoded(payload), *self.drain()]

    def drain(self) -> list[AnyMessage]:
        """Everything that waits, oldest first; does not block."""
        messages: list[AnyMessage] = []
        while int(self.socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:  # cheaper than one `recv` too many
            messages += self._decoded(self.socket.recv(zmq.NOBLOCK))
        return messages

    def _decoded(self, payload: bytes) -> list[AnyMessage]:
        try:
            return [decode(payload)]
        except msgspec.DecodeError as error:
            self.malformed += 1
            log.warning("dropped a malformed message of %d bytes (%d so far): %s", len(payload), self.malformed, error)
            return []


class Outboxes:
    """The sending ends of a process, connected on first use. Sending never blocks and keeps order for each receiver.

    When the process ends, what still waits for one of those `to_the_end` is given half a second to be delivered. What
    waits for anybody else is of no more use: that one may have ended before.
    """

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", endpoints: Mapping[str, str], to_the_end: Collection[str] = ()
    ) -> None:
        self._context = context
        self._endpoints = endpoints
        self._to_the_end = to_the_end
        self._sockets: dict[str, zmq.Socket[bytes]] = {}

    def send(self, to: str, message: Message) -> None:
        """Queues a message for process `to`; it waits there while the process is down."""
        self._socket(to).send(encode(message), zmq.NOBLOCK)

    def _socket(self, to: str) -> "zmq.Socket[bytes]":
        if to not in self._sockets:
            outbox = self._context.socket(zmq.PUSH)
            outbox.set_hwm(0)
            outbox.setsockopt(zmq.LINGER, 500 if to in self._to_the_end else 0)
            outbox.setsockopt(zmq.RECONNECT_IVL, 10)
            outbox.connect(self._endpoints[to])
            self._sockets[to] = outbox
        return self._sockets[to]
