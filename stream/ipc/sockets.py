"""Messages between processes over ZeroMQ: one PULL socket a process, its inbox; each sender connects a PUSH socket.

Inside the pipeline sockets lose nothing and never block: their queues have no high-water mark, because credits bound
the frames in flight. Only stages drop frames, never a socket.
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
    """Process name -> endpoint of its inbox: a Unix socket in `run_dir`, or a loopback port on systems without.

    Sockets are numbered, because a socket's path is limited to some hundred bytes and a camera's name may have 64.
    """
    if zmq.has("ipc"):
        return {name: f"ipc://{run_dir}/{number}" for number, name in enumerate(names)}
    return {name: f"tcp://127.0.0.1:{_free_port()}" for name in names}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Inbox:
    """The receiving socket of a process. `malformed` counts payloads that were dropped because they did not decode."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", endpoint: str) -> None:
        self.socket = context.socket(zmq.PULL)
        self.socket.set_hwm(0)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(endpoint)
        self.malformed = 0
        self._timeout_ms = -1  # the socket's RCVTIMEO; ZeroMQ's default is to wait for ever

    def receive(self, timeout_ms: int) -> list[AnyMessage]:
        """Waits up to `timeout_ms` for a message and returns all that have arrived, oldest first.

        It blocks in `recv`: a poller before it adds a tenth of a millisecond to each hop at 30 frames a second.
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
        """All messages that have arrived, oldest first; does not block."""
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
    """The sending sockets of a process, connected on first use. Sending never blocks; order is kept by receiver.

    On close, messages to the receivers in `lingering` get half a second to be delivered (LINGER 500 ms); messages to
    others are discarded (LINGER 0), because these may have exited before.
    """

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", endpoints: Mapping[str, str], lingering: Collection[str] = ()
    ) -> None:
        self._context = context
        self._endpoints = endpoints
        self._lingering = lingering
        self._sockets: dict[str, zmq.Socket[bytes]] = {}

    def send(self, to: str, message: Message) -> None:
        """Queues a message for process `to`; it is kept while that process is down."""
        self._socket(to).send(encode(message), zmq.NOBLOCK)

    def _socket(self, to: str) -> "zmq.Socket[bytes]":
        if to not in self._sockets:
            outbox = self._context.socket(zmq.PUSH)
            outbox.set_hwm(0)
            outbox.setsockopt(zmq.LINGER, 500 if to in self._lingering else 0)
            outbox.setsockopt(zmq.RECONNECT_IVL, 10)
            outbox.connect(self._endpoints[to])
            self._sockets[to] = outbox
        return self._sockets[to]
