"""The live page's process: a subscriber without a lease. A slow page or browser does not slow the pipeline."""

import asyncio
import contextlib
import logging
import socket

import zmq
import zmq.asyncio
from aiohttp import web

from posestream.stream.client import decode_published
from posestream.stream.ipc.messages import Stop
from posestream.stream.page.address import Address, listen, parse
from posestream.stream.page.broadcast import Broadcast
from posestream.stream.page.server import application
from posestream.stream.run.process import Process

log = logging.getLogger(__name__)

QUEUE = 100  # published messages that may wait here, ZeroMQ's high-water mark
POLL_EVERY_S = 0.1  # of the inbox
STATUS_EVERY_S = 0.5
CLOSE_TIMEOUT_S = 0.3  # for browsers to close their side


def main(process: Process) -> None:
    """Serves until a Stop message. Raises RunError where the address cannot be bound."""
    address = parse(process.topology.config.page.address)
    with listen(address) as listening:
        asyncio.run(_serve(process, address.host, listening))


async def _serve(process: Process, host: str, listening: socket.socket) -> None:
    async with asyncio.TaskGroup() as tasks:
        broadcast = Broadcast(process.topology, tasks)
        app = application(broadcast, host, process.topology.config.page.stall_timeout_s)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_TIMEOUT_S)
        await runner.setup()
        try:
            await web.SockSite(runner, listening).start()
            work = [tasks.create_task(_receive(process, broadcast)), tasks.create_task(_offer_status(broadcast))]
            process.ready(f"http://{Address(host, listening.getsockname()[1])}")
            await _until_stop(process)
            for task in work:
                task.cancel()
        finally:
            await runner.cleanup()
            broadcast.close()


async def _until_stop(process: Process) -> None:
    """Sends heartbeats until a Stop message."""
    while not any(isinstance(message, Stop) for message in process.receive(timeout_ms=0)):
        await asyncio.sleep(POLL_EVERY_S)


async def _offer_status(broadcast: Broadcast) -> None:
    while True:
        broadcast.offer_status()
        await asyncio.sleep(STATUS_EVERY_S)


async def _receive(process: Process, broadcast: Broadcast) -> None:
    """Passes published messages to `broadcast`; logs and drops malformed ones."""
    context = zmq.asyncio.Context(process.context)
    with contextlib.closing(context.socket(zmq.SUB)) as subscriber:
        subscriber.set_hwm(QUEUE)
        subscriber.subscribe(b"")
        subscriber.connect(process.topology.published)
        while True:
            parts = await subscriber.recv_multipart()
            try:
                broadcast.add(decode_published(parts))
            except ValueError as error:
                log.warning("dropped what came: %s", error)
