"""From published messages to browsers: chooses the frames to show, encodes each once, offers it to all viewers.

A browser receives text messages, JSON with a `kind`: "hello" first, then "status" twice a second; and for each frame
shown one binary message, so that the picture and its skeletons are of the same frame:

    u32 little-endian: length of the header | header, JSON: camera, seq, width, height, people | JPEG

It acknowledges each picture, once drawn, with a text message: the camera's name.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from posestream.engines.skeletons import SKELETONS
from posestream.stream.drawing.palette import PALETTE_RGB, RANDOM_WEIGHTS_NOTICE, WHITE_SHARE, colour_rgb, side
from posestream.stream.ipc.clock import now_ns
from posestream.stream.page.camera_figures import CameraFigures, Figures
from posestream.stream.page.viewer import Viewer
from posestream.stream.published import PoseMessage, StateMessage
from posestream.stream.run.topology import Topology
from posestream.stream.sources.redact import redact

if TYPE_CHECKING:
    from posestream.stream.page.encode import Encoder


class Broadcast:
    """State and pictures for all browsers. Used by the event loop's thread; JPEGs are encoded in another one.

    An error of encoding fails a task of `tasks`.
    """

    def __init__(self, topology: Topology, tasks: asyncio.TaskGroup) -> None:
        self.viewers: set[Viewer] = set()
        self._topology = topology
        self._tasks = tasks
        self._settings = topology.config.page
        self._figures = {camera: Figures() for camera in topology.camera_names}
        self._last: dict[str, PoseMessage] = {}
        self._due_ns = dict.fromkeys(topology.camera_names, 0)
        self._showing: set[str] = set()
        self._thread = ThreadPoolExecutor(1, "encode")
        self._encoder: Encoder | None = None

    # ---- from publish

    def add(self, message: PoseMessage | StateMessage) -> None:
        """Adds a published message; a camera that is not in the topology is ignored. Does not block."""
        if message.camera not in self._figures:
            return
        self._figures[message.camera].add(message)
        if isinstance(message, PoseMessage):
            self._last[message.camera] = message
            if now_ns() >= self._due_ns[message.camera]:
                self._show(message)

    def _show(self, message: PoseMessage) -> None:
        camera = message.camera
        if camera not in self._showing and any(viewer.wants(camera) for viewer in self.viewers):
            self._showing.add(camera)
            self._tasks.create_task(self._make_and_offer(message))

    async def _make_and_offer(self, message: PoseMessage) -> None:
        period_ns = int(1e9 / self._settings.rate_hz)
        camera, started_ns = message.camera, now_ns()
        loop = asyncio.get_running_loop()
        try:
            jpeg = await loop.run_in_executor(self._thread, self._jpeg, camera, message.epoch, message.seq)
        finally:
            self._showing.discard(camera)
        if jpeg is None:
            return  # overwritten, so not yet due: the next frame is tried at once
        self._due_ns[camera] = max(self._due_ns[camera] + period_ns, started_ns)
        picture = _packed(message, jpeg)
        for viewer in self.viewers:
            viewer.offer(camera, picture)

    def _jpeg(self, camera: str, epoch: int, seq: int) -> bytes | None:
        if self._encoder is None:
            from posestream.stream.page.encode import Encoder  # loads OpenCV, which takes a third of a second

            self._encoder = Encoder(self._topology.frame_ring, self._settings)
        return self._encoder.jpeg(camera, epoch, seq)

    # ---- to viewers

    @contextlib.contextmanager
    def watched_by(self, viewer: Viewer) -> Iterator[None]:
        """Adds a viewer for the time of the block; it is shown the last frame of each camera at once."""
        self.viewers.add(viewer)
        try:
            for message in self._last.values():
                self._show(message)
            yield
        finally:
            self.viewers.discard(viewer)

    def offer_status(self) -> None:
        """Offers the current figures to all viewers."""
        if self.viewers:
            status = msgspec.json.encode({"kind": "status", "cameras": self.status()}).decode()
            for viewer in self.viewers:
                viewer.offer_status(status)

    def status(self) -> dict[str, CameraFigures]:
        """Each camera's figures now."""
        now = now_ns()
        return {camera: figures.now(now) for camera, figures in self._figures.items()}

    def hello(self) -> str:
        """The first message to a browser: cameras, links of the skeletons, colours, the notice about random weights."""
        skeletons = {
            skeleton.name: [(a, b, side(skeleton, (a, b))) for a, b in skeleton.edges]
            for skeleton in SKELETONS.values()
        }
        palette = [
            {of: "#{:02x}{:02x}{:02x}".format(*colour_rgb(i, of)) for of in WHITE_SHARE}
            for i in range(len(PALETTE_RGB))
        ]
        hello = {
            "kind": "hello",
            "cameras": [{"name": camera.name, "source": redact(camera.source)} for camera in self._topology.cameras],
            "edges": skeletons,
            "palette": palette,
            "min_score": self._topology.config.draw.min_score,
            "notice": RANDOM_WEIGHTS_NOTICE if self._topology.config.run.random_weights else "",
        }
        return msgspec.json.encode(hello).decode()

    def close(self) -> None:
        """Waits for the picture that is being encoded, and unmaps the rings."""
        self._thread.shutdown(cancel_futures=True)
        if self._encoder is not None:
            self._encoder.close()


def _packed(message: PoseMessage, jpeg: bytes) -> bytes:
    facts = ("camera", "seq", "width", "height", "people")
    header = msgspec.json.encode({name: getattr(message, name) for name in facts})
    return len(header).to_bytes(4, "little") + header + jpeg
