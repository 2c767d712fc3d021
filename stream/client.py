"""The published messages as they are on the wire, received. It needs pyzmq and msgspec, and nothing else.

`stream.subscription` makes frames of them, which is what other programs use.
"""

import time
import weakref
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from typing import Any, Generic, Literal, Self, TypeAlias, TypeVar, overload

import msgspec
import zmq

from posestream.stream.errors import Timeout
from posestream.stream.published import PoseMessage, StateMessage, pose_decoder, state_decoder

Published: TypeAlias = PoseMessage | StateMessage
MessageT = TypeVar("MessageT", PoseMessage, Published)

_DECODERS: dict[bytes, msgspec.msgpack.Decoder[PoseMessage] | msgspec.msgpack.Decoder[StateMessage]] = {
    b"pose": pose_decoder,
    b"state": state_decoder,
}
ENDPOINT = "tcp://127.0.0.1:5556"  # as `publish.endpoint` in config.toml
ANY_HOST = ("0.0.0.0", "*", "[::]")  # where a publisher listens; not where one connects to
QUEUE = 100  # messages that wait here for a slow program, before newer ones are lost; a message has a few kB


def decode_published(parts: Sequence[bytes]) -> Published:
    """The message that was sent as these parts, topic and payload. Raises ValueError where they are none."""
    try:
        topic, payload = parts
        return _DECODERS[topic.partition(b".")[0]].decode(payload)
    except (ValueError, KeyError, msgspec.DecodeError) as error:
        raise ValueError(f"no published message: {error}") from None


class Mailbox:
    """What came from a publisher and was not taken yet; no input or output of its own.

    `malformed` counts what came and was no message; `missing`, by camera, the frames between two messages that were
    taken for which none came: dropped by the pipeline (then `PoseMessage.drops` has them too), passed over, or lost.
    """

    def __init__(self, cameras: Collection[str] | None, *, states: bool, latest: bool) -> None:
        self.malformed = 0
        self.missing: Counter[str] = Counter()
        self.latest = latest
        self._cameras = None if cameras is None else {camera.encode() for camera in cameras}
        self._states = states
        self._expected: dict[str, int] = {}
        self._waiting: deque[Published] = deque()

    def connect(self, socket: "zmq.Socket[Any]", endpoint: str) -> None:
        """Subscribes the socket to what is wanted. Raises ValueError where `endpoint` is no ZeroMQ endpoint."""
        socket.set_hwm(QUEUE)
        for kind in (b"pose.", b"state.") if self._states else (b"pose.",):
            for camera in (b"",) if self._cameras is None else self._cameras:
                socket.subscribe(kind + camera)
        try:
            socket.connect(endpoint)
        except zmq.ZMQError as error:
            raise ValueError(f"{endpoint}: {error.strerror}; an endpoint looks like {ENDPOINT}") from None

    def put(self, parts: Sequence[bytes]) -> None:
        """Adds what came; with `latest` the older messages of its camera are passed over."""
        camera = parts[0].partition(b".")[2] if parts else b""
        if self._cameras is not None and camera not in self._cameras:
            return  # ZeroMQ compares the beginning of a topic: who asks for cam1 is sent cam10 too
        try:
            message = decode_published(parts)
        except ValueError:
            self.malformed += 1
            return
        if self.latest and isinstance(message, PoseMessage):
            kept = (m for m in self._waiting if isinstance(m, StateMessage) or m.camera != message.camera)
            self._waiting = deque(kept)
        self._waiting.append(message)

    def take(self) -> Published | None:
        """The oldest message that waits; None where there is none."""
        if not self._waiting:
            return None
        message = self._waiting.popleft()
        if isinstance(message, PoseMessage):
            expected = self._expected.get(message.camera, message.seq)
            self.missing[message.camera] += max(0, message.seq - expected)  # a new run of the publisher begins at 0
            self._expected[message.camera] = message.seq + 1
        return message


class Subscriber(Generic[MessageT]):
    """The messages that a posestream publishes, as they are on the wire; an iterator and a context manager.

    `cameras` are the names of those wanted, None means all. With `states`, StateMessage come too: every camera's state
    at the start, and each change. With `latest`, a program that is slower than the stream gets the newest message of
    each camera, and the older ones are passed over; without, it gets all in order, until `QUEUE` wait and the next
    are lost. `timeout_s` is how long to wait for each message, None for ever. There is no waiting for a connection:
    a publisher that starts later, or again, is found by itself. `malformed` and `missing` are as in `Mailbox`.

    Not thread-safe. Raises ValueError where `endpoint` is no ZeroMQ endpoint.
    """

    @overload
    def __init__(
        self: "Subscriber[PoseMessage]",
        endpoint: str,
        *,
        cameras: Collection[str] | None = None,
        states: Literal[False] = False,
        latest: bool = False,
        timeout_s: float | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self: "Subscriber[Published]",
        endpoint: str,
        *,
        cameras: Collection[str] | None = None,
        states: Literal[True],
        latest: bool = False,
        timeout_s: float | None = None,
    ) -> None: ...

    def __init__(
        self,
        endpoint: str,
        *,
        cameras: Collection[str] | None = None,
        states: bool = False,
        latest: bool = False,
        timeout_s: float | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._timeout_s = timeout_s
        self._mailbox = Mailbox(cameras, states=states, latest=latest)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._close: Callable[[], object] = weakref.finalize(self, context.destroy, 0)
        self._socket = context.socket(zmq.SUB)
        try:
            self._mailbox.connect(self._socket, endpoint)
        except ValueError:
            self.close()
            raise

    @property
    def malformed(self) -> int:
        """What came and was no message."""
        return self._mailbox.malformed

    @property
    def missing(self) -> Counter[str]:
        """By camera, the frames between two messages for which none came."""
        return self._mailbox.missing

    def recv(self, timeout_s: float | None = None) -> MessageT:
        """The next message. Raises Timeout when none comes within `timeout_s` (None: that of the subscriber)."""
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            if self._mailbox.latest:
                self._read()
            if (message := self._mailbox.take()) is not None:
                return message  # type: ignore[return-value]  # states come where asked for
            left_ms = None if deadline_s is None else max(0, int((deadline_s - time.monotonic()) * 1000))
            if not self._socket.poll(left_ms):
                raise silence(self.endpoint, timeout_s)
            self._read()

    def _read(self) -> None:
        """Reads one message, or with `latest` all that are there."""
        while True:
            try:
                self._mailbox.put(self._socket.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return
            if not self._mailbox.latest:
                return

    def close(self) -> None:
        """Ends the subscription at once; may be called twice. Also done when the object is no longer used."""
        self._close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> MessageT:
        """Like `recv`; never raises StopIteration: a stream has no end."""
        return self.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def silence(endpoint: str, timeout_s: float | None) -> Timeout:
    """What is raised where nothing came in time."""
    return Timeout(f"nothing from {endpoint} for {timeout_s or 0:g} s: is posestream running there?")
