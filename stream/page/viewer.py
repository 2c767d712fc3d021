"""One browser that looks on. What it does not take in time it does not get; what never comes back is dropped."""

import asyncio
import contextlib
from collections import defaultdict, deque

from aiohttp import web

from posestream.stream.ipc.clock import now_ns

MAX_UNACKNOWLEDGED = 2  # pictures of a camera under way to a browser: one being drawn, one to follow at once


class Viewer:
    """Sends pictures of each camera as fast as the browser says that it drew them, always the newest.

    At most one picture a camera waits here and `MAX_UNACKNOWLEDGED` lie in the connection. A browser that owes an answer for
    longer than `stall_s` is disconnected.
    """

    def __init__(self, socket: web.WebSocketResponse, stall_s: float) -> None:
        self._socket = socket
        self._stall_s = stall_s
        self._status: str | None = None
        self._newest: dict[str, bytes] = {}
        self._unacknowledged: defaultdict[str, deque[int]] = defaultdict(deque)  # when each was sent, ns
        self._wake = asyncio.Event()

    def wants(self, camera: str) -> bool:
        """False while a picture of that camera still waits here: another would only replace it."""
        return camera not in self._newest

    def offer(self, camera: str, picture: bytes) -> None:
        """Takes a picture to be sent, in place of one that waits."""
        self._newest[camera] = picture
        self._wake.set()

    def offer_status(self, status: str) -> None:
        """Takes a text to be sent, in place of one that waits."""
        self._status = status
        self._wake.set()

    def acknowledge(self, camera: str) -> None:
        """The browser says so."""
        if self._unacknowledged[camera]:
            self._unacknowledged[camera].popleft()
            self._wake.set()

    async def send(self) -> None:
        """Sends until the browser is gone or stalled. Cancel it to end it."""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while not self._stalled():
                async with asyncio.timeout(self._stall_s):
                    await self._send_what_waits()
                await self._wake.wait()  # a text comes at least twice a second
                self._wake.clear()

    async def _send_what_waits(self) -> None:
        if self._status is not None:
            status, self._status = self._status, None
            await self._socket.send_str(status)
        for camera in [camera for camera in self._newest if len(self._unacknowledged[camera]) < MAX_UNACKNOWLEDGED]:
            self._unacknowledged[camera].append(now_ns())
            await self._socket.send_bytes(self._newest.pop(camera))

    def _stalled(self) -> bool:
        owed_since_ns = min((sent[0] for sent in self._unacknowledged.values() if sent), default=None)
        return owed_since_ns is not None and now_ns() - owed_since_ns > self._stall_s * 1e9
