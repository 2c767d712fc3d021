"""A publisher for tests of consumers: the socket that the publish process has, and messages to send through it."""

import time
from typing import Any, Self

import msgspec
import zmq

from posestream.stream.ipc.messages import encode
from posestream.stream.published import Person, PoseMessage, StateMessage

PATIENCE_MS = 20_000


class Publisher:
    """An XPUB on `endpoint`. A test waits for subscriptions, so that nothing it sends is sent to nobody."""

    def __init__(self, endpoint: str = "tcp://127.0.0.1:*") -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self._context.socket(zmq.XPUB)
        self.socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(endpoint)
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def subscription(self) -> bytes:
        """The next one that comes: 1 (0: its end) and the beginning of the topics wanted."""
        assert self.socket.poll(PATIENCE_MS), "nobody subscribed"
        return self.socket.recv()

    def send(self, *messages: PoseMessage | StateMessage) -> None:
        for message in messages:
            kind = "pose" if isinstance(message, PoseMessage) else "state"
            self.send_parts(f"{kind}.{message.camera}".encode(), encode(message))

    def send_parts(self, *parts: bytes) -> None:
        self.socket.send_multipart(parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.destroy(0)


def person(x: float = 100.0, y: float = 80.0, size: float = 100.0, **changes: Any) -> Person:
    """Somebody who stands upright with the left arm out, nose at (x, y), `size` pixels from nose to ankles."""
    joints = (
        *((0, 0), (0.05, -0.04), (-0.05, -0.04), (0.09, 0), (-0.09, 0)),
        *((0.16, 0.18), (-0.16, 0.18), (0.34, 0.2), (-0.22, 0.34), (0.5, 0.22), (-0.22, 0.5)),
        *((0.1, 0.5), (-0.1, 0.5), (0.1, 0.75), (-0.1, 0.75), (0.1, 1.0), (-0.1, 1.0)),
    )
    someone = Person(
        id=1,
        skeleton="coco17",
        box_xyxy=(x - 0.3 * size, y - 0.15 * size, x + 0.55 * size, y + 1.05 * size),
        score=0.9,
        keypoints=[(x + size * dx, y + size * dy, 0.9) for dx, dy in joints],
    )
    return msgspec.structs.replace(someone, **changes)


def pose(camera: str = "cam0", seq: int = 0, **changes: Any) -> PoseMessage:
    """Frame `seq` of `camera`, published 12.5 ms after its arrival, which is now."""
    now_ns = time.monotonic_ns()
    message = PoseMessage(
        camera=camera,
        epoch=0,
        seq=seq,
        width=320,
        height=240,
        capture_ns=now_ns - 12_500_000,
        capture_unix_ns=time.time_ns() - 12_500_000,
        source_ns=None,
        stamps_ns={"capture": now_ns - 12_000_000, "publish": now_ns},
        people=[person()],
        captured=seq + 1,
        drops={},
    )
    return msgspec.structs.replace(message, **changes)


def state(camera: str = "cam0", name: str = "live", reason: str = "") -> StateMessage:
    return msgspec.convert(
        {"camera": camera, "state": name, "reason": reason, "unix_ns": time.time_ns()}, type=StateMessage
    )
