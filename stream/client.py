"""What a program that uses the poses imports.

    from posestream.stream.client import Subscriber

    for message in Subscriber("tcp://127.0.0.1:5556"):
        for person in message.people:
            print(message.camera, message.seq, person.id, person.keypoints[0])

It needs pyzmq, msgspec and `stream.ipc.messages`, and nothing else of posestream.
"""

import time
import weakref
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from typing import Generic, Literal, Self, TypeAlias, TypeVar, overload

import msgspec
import zmq

from posestream.stream.published import PoseMessage, StateMessage, pose_decoder, state_decoder

Published: TypeAlias = PoseMessage | StateMessage
MessageT = TypeVar("MessageT", PoseMessage, Published)

_DECODERS: dict[bytes, msgspec.msgpack.Decoder[PoseMessage] | msgspec.msgpack.Decoder[StateMessage]] = {
    b"pose": pose_decoder,
    b"state": state_decoder,
}
QUEUE = 100  # messages that wait here for a slow program, before newer ones are lost; a message has a few kB


def decode_published(parts: Sequence[bytes]) -> Published:
    """The message that was sent as these parts, topic and payload. Raises ValueError where they are none."""
    try:
        topic, payload = parts
        return _DECODERS[topic.partition(b".")[0]].decode(payload)
    except (ValueError, KeyError, msgspec.DecodeError) as error:
        raise ValueError(f"no published message: {error}") from None


class Subscriber(Generic[MessageT]):
    """The messages that a posestream publishes, as typed objects; an iterator and a context manager.

    `cameras` are the names of those wanted, None means all. With `states`, StateMessage come too: every camera's state
    at the start, and each change. With `latest`, a program that is slower than the stream gets the newest message of
    each camera, and the older ones are passed over; without, it gets all in order, until `QUEUE` wait and the next
    are lost. `timeout_s` is how long to wait for each message, None for ever. There is no waiting for a connection:
    a publisher that starts later, or again, is found by itself.

    `malformed` counts what came and was no message; `missing`, by camera, the frames between two messages for which
    none came: dropped by the pipeline (then `PoseMessage.drops` has them too), passed over, or lost on the way.

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
        self.malformed = 0
        self.missing: Counter[str] = Counter()
        self._cameras = None if cameras is None else {camera.encode() for camera in cameras}
        self._latest = latest
        self._timeout_s = timeout_s
        self._expected: dict[str, int] = {}
        self._waiting: deque[Published] = deque()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._close: Callable[[], object] = weakref.finalize(self, context.destroy, 0)
        self._socket = context.socket(zmq.SUB)
        self._socket.set_hwm(QUEUE)
        for kind in (b"pose.", b"state.") if states else (b"pose.",):
            for camera in (b"",) if self._cameras is None else self._cameras:
                self._socket.subscribe(kind + camera)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise ValueError(f"{endpoint}: {error.strerror}; an endpoint looks like tcp://127.0.0.1:5556") from None

    def recv(self, timeout_s: float | None = None) -> MessageT:
        """The next message. Raises TimeoutError when none comes within `timeout_s` (None: that of the subscriber)."""
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._waiting:
            left_ms = None if deadline_s is None else max(0, int((deadline_s - time.monotonic()) * 1000))
            if not self._socket.poll(left_ms):
                raise TimeoutError(f"nothing from {self.endpoint} for {timeout_s:g} s: is posestream running there?")
            self._take()
        return self._counted(self._waiting.popleft())  # type: ignore[return-value]  # states come where asked for

    def _take(self) -> None:
        """Reads one message, or with `latest` all that are there."""
        while True:
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            message = self._decoded(parts)
            if message is not None:
                if self._latest and isinstance(message, PoseMessage):
                    self._pass_over(message.camera)
                self._waiting.append(message)
            if not self._latest:
                return

    def _decoded(self, parts: list[bytes]) -> Published | None:
        camera = parts[0].partition(b".")[2]
        if self._cameras is not None and camera not in self._cameras:
            return None  # ZeroMQ compares the beginning of a topic: who asks for cam1 is sent cam10 too
        try:
            return decode_published(parts)
        except ValueError:
            self.malformed += 1
            return None

    def _pass_over(self, camera: str) -> None:
        kept = (m for m in self._waiting if isinstance(m, StateMessage) or m.camera != camera)
        self._waiting = deque(kept)

    def _counted(self, message: Published) -> Published:
        if isinstance(message, PoseMessage):
            expected = self._expected.get(message.camera, message.seq)
            self.missing[message.camera] += max(0, message.seq - expected)  # a new run of the publisher begins at 0
            self._expected[message.camera] = message.seq + 1
        return message

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
