"""A run as one of its consumers sees it: rings with pictures, an inbox to be written to, publications, a supervisor.

Everything but the consumer is the test's: it writes the rings and sends what the stages would send.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec
import numpy as np
import zmq
from numpy.typing import NDArray

from posestream.engines.plan import PixelFormat
from posestream.stream.config import load
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.ledger import Ledger
from posestream.stream.ipc.messages import AnyMessage, FrameFacts, Message, Sample, Stop, encode
from posestream.stream.ipc.ring import Layout, Ring
from posestream.stream.ipc.sockets import Inbox, Outboxes, endpoints
from posestream.stream.published import PoseMessage
from posestream.stream.run.topology import SUPERVISOR, CameraSpec, Topology
from posestream.stream.sources.source import Policy
from tests.stream.publisher import PATIENCE_MS, Publisher, pose

REPOSITORY = Path(__file__).parents[2]
MessageT = TypeVar("MessageT", bound=Message)
SLOTS = 4


class ConsumerRun:
    """Starts consumers in real processes. `received` holds what they sent to the supervisor and to preprocess."""

    def __init__(
        self,
        run_dir: Path,
        *,
        cameras: Sequence[str] = ("cam0",),
        policy: Policy = "every",
        independent_images: bool = False,
        source: str = "",
        sinks: Sequence[Path] = (),
        settings: dict[str, Any] | None = None,
    ) -> None:
        defaults = {"page.address": "127.0.0.1:0"}
        specs = tuple(
            CameraSpec(name=name, source=source, policy=policy, independent_images=independent_images)
            for name in cameras
        )
        self.topology = Topology(
            run_dir=str(run_dir),
            config=load(overrides={**defaults, **(settings or {})}),
            cameras=specs,
            networks={},
            endpoints={},
            sinks=tuple(str(sink) for sink in sinks),
        )
        names = (SUPERVISOR, "published", *self.topology.processes)
        self.topology = msgspec.structs.replace(self.topology, endpoints=endpoints(names, run_dir))
        Ledger.create(self.topology.ledger, self.topology.camera_names).close()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._inboxes = [Inbox(self._context, self.topology.endpoints[name]) for name in (SUPERVISOR, "preprocess.0")]
        self._outboxes = Outboxes(self._context, self.topology.endpoints)
        self._rings: dict[tuple[str, int], Ring] = {}
        self._errors = run_dir / "stderr"
        self._children: list[subprocess.Popen[bytes]] = []
        self.publisher = Publisher(self.topology.published)
        self.received: list[AnyMessage] = []

    # ---- processes

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        """The process of that name, running."""
        with self._errors.open("ab") as errors:
            child = subprocess.Popen(
                [sys.executable, "-m", "posestream.stream.run.process", name],
                stdin=subprocess.PIPE,
                stderr=errors,
                cwd=REPOSITORY,
                env={**os.environ, "PYTHONWARNINGS": "error"},
            )
        self._children.append(child)
        assert child.stdin
        child.stdin.write(self.topology.encode() + b"\n")
        child.stdin.flush()
        return child

    def next(self, kind: type[MessageT]) -> MessageT:
        """The next message of that kind from a consumer; those of other kinds stay in `received`."""
        while True:
            for i, message in enumerate(self.received):
                if isinstance(message, kind):
                    return self.received.pop(i)  # type: ignore[return-value]  # it was just looked at
            poller = zmq.Poller()
            for inbox in self._inboxes:
                poller.register(inbox.socket, zmq.POLLIN)
            if not poller.poll(PATIENCE_MS):
                raise AssertionError(f"no {kind.__name__} came; {self._errors.read_text()}")
            for inbox in self._inboxes:
                self.received += inbox.drain()

    def send(self, to: str, message: Message) -> None:
        self._outboxes.send(to, message)

    def stop(self, name: str, child: "subprocess.Popen[bytes]") -> str:
        """Stops it as the supervisor does; what it said on standard error. It must end well."""
        self.send(name, Stop())
        return self.ended(child)

    def ended(self, child: "subprocess.Popen[bytes]", code: int = 0) -> str:
        """Waits for a process to end with that exit code; what all said on standard error so far."""
        assert child.wait(PATIENCE_MS / 1000) == code, self._errors.read_text()
        return self._errors.read_text()

    # ---- frames

    def frame(
        self, picture: NDArray[np.uint8], message: PoseMessage, pixel_format: PixelFormat = "bgr24"
    ) -> FrameFacts:
        """Puts a picture into the ring, which it makes where the epoch is new; the frame's facts."""
        key = (message.camera, message.epoch)
        geometry = Geometry(message.width, message.height, pixel_format)
        if key not in self._rings:
            layout = Layout(slots=SLOTS, slot_bytes=geometry.nbytes, epoch=message.epoch, geometry=geometry)
            self._rings[key] = Ring.create(self.topology.frame_ring(*key), layout)
        ring, slot = self._rings[key], message.seq % SLOTS
        ring.begin(slot)[:] = picture.reshape(-1)
        facts = {name: getattr(message, name) for name in PoseMessage.__struct_fields__ if hasattr(FrameFacts, name)}
        return FrameFacts(**facts, slot=slot, generation=ring.commit(slot, message.seq), busy_ns={})

    def sample(self, to: str, picture: NDArray[np.uint8], **changes: Any) -> PoseMessage:
        """Has publish send a frame to a sink; what was published."""
        height, width = picture.shape[:2]
        message = pose(**{"width": width, "height": height, **changes})
        self.send(to, Sample(frame=self.frame(picture, message), payload=encode(message)))
        return message

    def publish(self, picture: NDArray[np.uint8], **changes: Any) -> PoseMessage:
        """Puts a frame into the ring and publishes its poses."""
        height, width = picture.shape[:2]
        message = pose(**{"width": width, "height": height, **changes})
        self.frame(picture, message)
        self.publisher.send(message)
        return message

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.kill()
            child.communicate()
        for ring in self._rings.values():
            ring.close()
        self.publisher.__exit__()
        self._context.destroy(0)
