"""One connected browser. It receives the newest picture of each camera, as fast as it acknowledges them."""

import asyncio
import contextlib
from collections import defaultdict, deque

from aiohttp import web

from posestream.stream.ipc.clock import now_ns

MAX_UNACKNOWLEDGED = 2  # pictures of a camera in flight to a browser: one being drawn, one to follow at once


class Viewer:
    """The queue to one browser: one waiting picture a camera, and `MAX_UNACKNOWLEDGED` more in flight.

    `send` ends when an acknowledgement is overdue by `stall_s`.
    """

    def __init__(self, socket: web.WebSocketResponse, stall_s: float) -> None:
        self._socket = socket
        self._stall_s = stall_s
        self._status: str | None = None
        self._newest: dict[str, bytes] = {}
        self._unacknowledged: defaultdict[str, deque[int]] = defaultdict(deque)  # times of sending, ns
        self._wake = asyncio.Event()

    def wants(self, camera: str) -> bool:
        """False while a picture of that camera waits here: another one would only replace it."""
        return camera not in self._newest

    def offer(self, camera: str, picture: bytes) -> None:
        """Queues a picture, in place of the one that waits."""
        self._newest[camera] = picture
        self._wake.set()

    def offer_status(self, status: str) -> None:
        """Queues a status message, in place of the one that waits."""
        self._status = status
        self._wake.set()

    def acknowledge(self, camera: str) -> None:
        """Notes that the browser has drawn the oldest picture in flight of that camera."""
        if sent_ns := self._unacknowledged.get(camera):  # browsers may send any name
            sent_ns.popleft()
            self._wake.set()

    async def send(self) -> None:
        """Sends what is queued until the browser has disconnected or stalled, or the task is cancelled."""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while not self._stalled():
                async with asyncio.timeout(self._stall_s):
                    await self._send_queued()
                await self._wake.wait()  # for at most half a second, the interval of status messages
                self._wake.clear()

    async def _send_queued(self) -> None:
        if self._status is not None:
            status, self._status = self._status, None
            await self._socket.send_str(status)
        for camera in [camera for camera in self._newest if len(self._unacknowledged[camera]) < MAX_UNACKNOWLEDGED]:
            self._unacknowledged[camera].append(now_ns())
            await self._socket.send_bytes(self._newest.pop(camera))

    def _stalled(self) -> bool:
        oldest_ns = min((sent[0] for sent in self._unacknowledged.values() if sent), default=None)
        return oldest_ns is not None and now_ns() - oldest_ns > self._stall_s * 1e9
