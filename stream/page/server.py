"""The HTTP routes: the page's files, `/live` (a WebSocket) and `/status` (JSON for scripts)."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from aiohttp import WSMsgType, web
from aiohttp.typedefs import Handler, Middleware

from posestream.stream.page.address import allowed
from posestream.stream.page.broadcast import Broadcast
from posestream.stream.page.viewer import Viewer

FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
MAX_ANSWER_BYTES = 256  # a browser sends camera names, of up to 64 characters


def application(broadcast: Broadcast, bound_host: str, stall_s: float) -> web.Application:
    """The page's web application. `bound_host` is the server's host, for the check of Host headers."""

    async def live(request: web.Request) -> web.StreamResponse:
        return await _live(request, broadcast, stall_s)

    async def status(_: web.Request) -> web.Response:
        figures = {"cameras": broadcast.status(), "viewers": len(broadcast.viewers)}
        return web.Response(body=msgspec.json.encode(figures), content_type="application/json", headers=HEADERS)

    app = web.Application(middlewares=[_host_check(bound_host)])
    for path, (name, content_type) in FILES.items():
        app.router.add_get(path, _file(name, content_type))
    app.router.add_get("/live", live)
    app.router.add_get("/status", status)
    return app


def _file(name: str, content_type: str) -> Handler:
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=content_type, headers=HEADERS)

    return answer


def _host_check(bound_host: str) -> Middleware:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not allowed(request.host, bound_host):
            text = f"403: this page does not answer to the name {request.host!r}; open it by its address\n"
            return web.Response(status=403, text=text, headers=HEADERS)
        return await handler(request)

    return check


async def _live(request: web.Request, broadcast: Broadcast, stall_s: float) -> web.StreamResponse:
    """Serves one browser until it closes or stalls. Answers 403 to pages of other sites."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        text = f"403: {origin} is another site, and may not look on here\n"
        return web.Response(status=403, text=text, headers=HEADERS)
    socket = web.WebSocketResponse(max_msg_size=MAX_ANSWER_BYTES, compress=False, timeout=0.5)
    await socket.prepare(request)
    await socket.send_str(broadcast.hello())
    viewer = Viewer(socket, stall_s)

    async def send() -> None:
        await viewer.send()
        if request.transport is not None:
            request.transport.abort()  # ends the loop below: a stalled browser answers no close handshake

    with broadcast.watched_by(viewer):
        broadcast.offer_status()
        async with asyncio.TaskGroup() as tasks:
            sender = tasks.create_task(send())
            async for answer in socket:
                if answer.type is WSMsgType.TEXT:
                    viewer.acknowledge(answer.data)
            sender.cancel()
    return socket
