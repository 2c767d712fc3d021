"""Hand-off of a 1080p BGR frame to another process: our ring and a descriptor, beside ZeroMQ and JPEG over ZeroMQ.

A writer and a reader process; the ways take turns of a second each at 60 fps, so that what else the machine does meets
them alike. Each frame's number lies in its pixels, where the reader checks it. The next frame goes off when the
last one was seen.
"""

import contextlib
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import zmq
from numpy.typing import NDArray

from posestream.stream.ipc import shared_memory
from posestream.stream.ipc.clock import now_ns
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.messages import FrameFacts, FrameReady
from posestream.stream.ipc.ring import Layout, Ring
from posestream.stream.ipc.sockets import Inbox, Outboxes
from tools.benchmark.figures import Figure, Goal, Result
from tools.benchmark.footage import FULL_HD, pictures

GEOMETRY = Geometry(*FULL_HD, "bgr24")
FPS = 60
SLOTS = 4
RING, NO_COPY, COPY, JPEG = "ring", "ZeroMQ copy=False", "ZeroMQ copy=True", "JPEG over ZeroMQ"
WAYS = (RING, NO_COPY, COPY, JPEG)
COMMITTED, DECODED = "ring from commit", "ring from decoded, copy in"
NUMBER_BITS, BIT_PX = 32, 16  # the frame's number lies along its top edge, a black or white square a bit

Picture: TypeAlias = NDArray[np.uint8]
Context: TypeAlias = "zmq.Context[zmq.Socket[bytes]]"


class Sent(NamedTuple):
    """When a frame lay decoded in the writer, and when it was handed over (for the ring: committed)."""

    decoded_ns: int
    committed_ns: int


def measure(repeats: int, quick: bool) -> Result:
    """One repeat is one process pair; in each the ways take five turns of a second."""
    turns, frames = (1, 6) if quick else (5, FPS)
    found = [_measured(turns, frames) for _ in range(repeats)]
    times = {COMMITTED: (RING, 1), DECODED: (RING, 0)} | {way: (way, 0) for way in WAYS if way != RING}
    figures = []
    for name, (way, start) in times.items():
        for percent in (50, 99):
            values = [float(np.percentile(run[way][start], percent)) for run in found]
            goal = Goal("<", 0.3) if (name, percent) == (COMMITTED, 50) else None
            figures.append(Figure(f"{name}, p{percent}", "ms", values, goal))
    for start, name in ((1, COMMITTED), (0, DECODED)):
        for way, least in ((NO_COPY, 4.0), (COPY, None), (JPEG, 20.0)):
            ratios = [float(np.median(run[way][0]) / np.median(run[RING][start])) for run in found]
            figures.append(Figure(f"{way} / {name}, p50", "x", ratios, Goal(">=", least) if least and start else None))
    return Result(
        f"a 1080p BGR frame from one process to another at {FPS} fps, {turns * frames} frames of each way a repeat",
        figures,
        (
            "from commit: the slot is whole, its descriptor about to be sent: as after a decoder that writes in place.",
            "from decoded: the frame lies in the writer's own memory, and is copied into the slot. ZeroMQ starts from "
            "there too; JPEG includes encoding (quality 95) and decoding, for there is nothing to view before.",
            "The reader's view is an array that it can compute on; it is checked to be the frame that was sent.",
        ),
    )


def _measured(turns: int, frames: int) -> Mapping[str, NDArray[np.float64]]:
    """For each way the milliseconds from decoded, and from commit, to the reader's view: (2, frames)."""
    folder = Path(tempfile.mkdtemp(prefix="benchmark-", dir=shared_memory.place()))
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    reader = spawn.Process(target=read, args=(folder, turns, frames, theirs))
    try:
        layout = Layout(SLOTS, GEOMETRY.nbytes, 0, GEOMETRY)
        with contextlib.closing(Ring.create(folder / "ring", layout)) as ring, _context() as context:
            reader.start()
            theirs.close()  # so that the reader's death is the end of the pipe
            ours.recv()
            delays = _write(context, ring, folder, turns, frames, ours)
        reader.join()
    finally:
        if reader.is_alive():
            reader.kill()
        shutil.rmtree(folder)
    return {way: np.array(of_way).T / 1e6 for way, of_way in delays.items()}


@contextlib.contextmanager
def _context() -> Iterator[Context]:
    context: Context = zmq.Context()
    try:
        yield context
    finally:
        context.destroy(linger=0)


# ---- the writer


def _write(
    context: Context, ring: Ring, folder: Path, turns: int, frames: int, reader: "Connection[Any, Any]"
) -> Mapping[str, list[tuple[int, int]]]:
    """Sends every frame in its way, at its time; nanoseconds from decoded, and from commit, to the reader's view."""
    scenes = list(pictures(8, FULL_HD, every=60))
    senders = _senders(context, ring, folder)
    delays: dict[str, list[tuple[int, int]]] = {way: [] for way in WAYS}
    due_ns = now_ns()
    for _ in range(turns):
        for way in WAYS:
            for _ in range(frames):
                due_ns = max(due_ns + 1_000_000_000 // FPS, now_ns())
                seq = len(delays[way])
                # A decoder's output: memory of its own for each frame, just written. Not timed.
                decoded = scenes[seq % len(scenes)].copy()
                _number(decoded, seq)
                time.sleep(max(0, due_ns - now_ns()) / 1e9)
                sent = senders[way](decoded, seq)
                seen_ns: int = reader.recv()
                delays[way].append((seen_ns - sent.decoded_ns, seen_ns - sent.committed_ns))
    return delays


def _senders(context: Context, ring: Ring, folder: Path) -> Mapping[str, Callable[[Picture, int], Sent]]:
    outboxes = Outboxes(context, {RING: _endpoint(folder, RING)})
    sockets = {way: context.socket(zmq.PUSH) for way in WAYS if way != RING}
    for way, socket in sockets.items():
        socket.connect(_endpoint(folder, way))

    def by_ring(decoded: Picture, seq: int) -> Sent:
        began_ns, slot = now_ns(), seq % SLOTS
        ring.begin(slot)[:] = decoded.reshape(-1)
        generation = ring.commit(slot, seq)
        committed_ns = now_ns()
        outboxes.send(RING, FrameReady(frame=_facts(seq, slot, generation, began_ns)))
        return Sent(began_ns, committed_ns)

    def by_socket(way: str, copy: bool) -> Callable[[Picture, int], Sent]:
        def send(decoded: Picture, _seq: int) -> Sent:
            began_ns = now_ns()
            sockets[way].send(decoded.data, 0, copy)
            return Sent(began_ns, began_ns)

        return send

    def by_jpeg(decoded: Picture, _seq: int) -> Sent:
        began_ns = now_ns()
        sockets[JPEG].send(cv2.imencode(".jpg", decoded)[1].data, copy=False)
        return Sent(began_ns, began_ns)

    return {RING: by_ring, NO_COPY: by_socket(NO_COPY, False), COPY: by_socket(COPY, True), JPEG: by_jpeg}


def _facts(seq: int, slot: int, generation: int, at_ns: int) -> FrameFacts:
    return FrameFacts(
        camera="cam0",
        epoch=0,
        seq=seq,
        slot=slot,
        generation=generation,
        width=GEOMETRY.width,
        height=GEOMETRY.height,
        capture_ns=at_ns,
        capture_unix_ns=at_ns,
        source_ns=None,
        stamps_ns={"capture": at_ns},
        busy_ns={"capture": 0},
    )


# ---- the reader


def read(folder: Path, turns: int, frames: int, writer: "Connection[Any, Any]") -> None:
    """The other process: takes the frames in the writer's order, and tells when each was in view."""
    with _context() as context, contextlib.closing(Ring(folder / "ring", writable=False)) as ring:
        inbox = Inbox(context, _endpoint(folder, RING))
        sockets = {way: context.socket(zmq.PULL) for way in WAYS if way != RING}
        for way, socket in sockets.items():
            socket.bind(_endpoint(folder, way))
        writer.send("ready")
        for turn in range(turns):
            for way in WAYS:
                for seq in range(turn * frames, (turn + 1) * frames):
                    view, descriptor = _described(inbox, ring) if way == RING else (_received(sockets[way], way), None)
                    writer.send(now_ns())
                    _check(view, seq)
                    assert descriptor is None or ring.intact(descriptor.slot, descriptor.generation)


def _described(inbox: Inbox, ring: Ring) -> tuple[Picture, FrameFacts]:
    while not (messages := inbox.receive(1000)):
        pass
    (message,) = messages
    assert isinstance(message, FrameReady)
    return ring.picture(message.frame.slot), message.frame


def _received(socket: "zmq.Socket[bytes]", way: str) -> Picture:
    if way == COPY:
        return np.frombuffer(socket.recv(copy=True), np.uint8).reshape(GEOMETRY.shape)
    payload = np.frombuffer(socket.recv(copy=False).buffer, np.uint8)
    if way == NO_COPY:
        return payload.reshape(GEOMETRY.shape)
    picture = cv2.imdecode(payload, cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)


# ---- both


def _number(picture: Picture, seq: int) -> None:
    """Writes `seq` into the picture, in squares so large that JPEG keeps them apart."""
    for bit in range(NUMBER_BITS):
        picture[:BIT_PX, bit * BIT_PX : (bit + 1) * BIT_PX] = 255 * (seq >> bit & 1)


def _check(picture: Picture, seq: int) -> None:
    bits = picture[BIT_PX // 2, BIT_PX // 2 : NUMBER_BITS * BIT_PX : BIT_PX, 0] > 127
    found = sum(1 << bit for bit, lit in enumerate(bits) if lit)
    assert found == seq, f"frame {found} came in place of {seq}"


def _endpoint(folder: Path, way: str) -> str:
    return f"ipc://{folder}/{WAYS.index(way)}"
