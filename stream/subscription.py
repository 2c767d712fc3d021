"""Subscribing to the frames of a running posestream, from another program or another machine.

It needs pyzmq, msgspec and numpy; neither OpenCV nor a runtime is loaded.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from typing import Self

import zmq
import zmq.asyncio

from posestream.engines.skeletons import Skeleton
from posestream.stream.client import ENDPOINT, Mailbox, Published, Subscriber, silence
from posestream.stream.poses import Frame, skeleton_of
from posestream.stream.published import CameraState, StateMessage


class Frames:
    """Turns messages into frames. Remembers each camera's state, and its skeleton, which an empty scene lacks."""

    def __init__(self) -> None:
        self.states: dict[str, CameraState] = {}
        self._skeletons: dict[str, Skeleton] = {}

    def of(self, message: Published) -> Frame | None:
        """The frame that a message is about; None for a change of state, which is noted."""
        if isinstance(message, StateMessage):
            self.states[message.camera] = message.state
            return None
        if message.people:
            self._skeletons[message.camera] = skeleton_of(message.people[0])
        return Frame.of(message, self._skeletons.get(message.camera))


class Subscription:
    """Frames of a running posestream, as they are published: an iterator without an end, and a context manager."""

    def __init__(self, endpoint: str, cameras: Collection[str] | None, latest: bool, timeout: float | None) -> None:
        self._frames = Frames()
        self._subscriber = Subscriber(endpoint, cameras=cameras, states=True, latest=latest, timeout_s=timeout)

    @property
    def states(self) -> Mapping[str, CameraState]:
        """The state of each camera, as far as it was heard."""
        return self._frames.states

    @property
    def missing(self) -> Mapping[str, int]:
        """By camera, the frames between two that were received for which nothing came."""
        return self._subscriber.missing

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        """The next frame. Raises Timeout when nothing, not even a change of state, comes in time."""
        while (frame := self._frames.of(self._subscriber.recv())) is None:
            pass
        return frame

    def close(self) -> None:
        """Ends the subscription; may be called twice."""
        self._subscriber.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def subscribe(
    endpoint: str = ENDPOINT,
    *,
    cameras: Collection[str] | None = None,
    latest: bool = False,
    timeout: float | None = None,
) -> Subscription:
    """The frames that a running posestream publishes, to iterate over.

        with ps.subscribe("tcp://10.0.0.5:5556", cameras=["door"], timeout=5) as frames:
            for frame in frames:
                print(frame.camera, frame.seq, len(frame.poses))

    `cameras` are the names of those wanted, None means all. With `latest`, a program that is slower than the stream
    gets the newest frame of each camera; without, it gets all in order, until 100 wait and newer ones are lost
    (`Subscription.missing`). `timeout` is how many seconds to wait for each frame, None for ever; then iterating raises
    Timeout, and may go on. A publisher that starts later, or again, is found by itself.

    Not thread-safe. Raises ValueError where `endpoint` is no ZeroMQ endpoint.
    """
    return Subscription(endpoint, cameras, latest, timeout)


class AsyncSubscription:
    """The same for asyncio: `async with`, `async for`."""

    def __init__(self, endpoint: str, cameras: Collection[str] | None, latest: bool, timeout: float | None) -> None:
        self.endpoint = endpoint
        self._timeout_s = timeout
        self._frames = Frames()
        self._mailbox = Mailbox(cameras, states=True, latest=latest)
        self._context = zmq.asyncio.Context()
        self._socket: zmq.asyncio.Socket = self._context.socket(zmq.SUB)
        try:
            self._mailbox.connect(self._socket, endpoint)
        except ValueError:
            self.close()
            raise

    @property
    def states(self) -> Mapping[str, CameraState]:
        """The state of each camera, as far as it was heard."""
        return self._frames.states

    @property
    def missing(self) -> Mapping[str, int]:
        """By camera, the frames between two that were received for which nothing came."""
        return self._mailbox.missing

    def __aiter__(self) -> AsyncIterator[Frame]:
        return self

    async def __anext__(self) -> Frame:
        """The next frame. Raises Timeout when nothing, not even a change of state, comes in time."""
        while True:
            if self._mailbox.latest:
                await self._read(0)
            if (message := self._mailbox.take()) is None:
                if not await self._read(None if self._timeout_s is None else int(self._timeout_s * 1000)):
                    raise silence(self.endpoint, self._timeout_s)
            elif (frame := self._frames.of(message)) is not None:
                return frame

    async def _read(self, timeout_ms: int | None) -> bool:
        """Waits for a message, then reads it, or with `latest` all that are there; False where none came."""
        came = False
        while await self._socket.poll(0 if came else timeout_ms):
            self._mailbox.put(await self._socket.recv_multipart())
            came = True
            if not self._mailbox.latest:
                break
        return came

    def close(self) -> None:
        """Ends the subscription; may be called twice."""
        self._context.destroy(linger=0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


def subscribe_async(
    endpoint: str = ENDPOINT,
    *,
    cameras: Collection[str] | None = None,
    latest: bool = False,
    timeout: float | None = None,
) -> AsyncSubscription:
    """The frames that a running posestream publishes, for asyncio; everything else as in `subscribe`.

    async with ps.subscribe_async("tcp://10.0.0.5:5556") as frames:
        async for frame in frames:
            print(frame.camera, len(frame.poses))
    """
    return AsyncSubscription(endpoint, cameras, latest, timeout)
