"""A run with one real stage in its own process; the test plays all other processes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec
import zmq

from posestream.stream.config import load
from posestream.stream.ipc.clock import now_ns
from posestream.stream.ipc.ledger import Ledger
from posestream.stream.ipc.messages import AnyMessage, Message, Ready
from posestream.stream.ipc.sockets import Inbox, Outboxes, endpoints
from posestream.stream.run.child import Child
from posestream.stream.run.restart_budget import Budget
from posestream.stream.run.topology import SUPERVISOR, CameraSpec, Topology
from posestream.stream.sources.source import Policy

PATIENCE_MS = 30_000
MessageT = TypeVar("MessageT", bound=Message)


class StageRun:
    """`inboxes_of` are the processes whose inboxes the test reads; `ledger` is the run's."""

    def __init__(
        self,
        run_dir: Path,
        *,
        cameras: Iterable[str] = ("cam0",),
        source: str = "0",
        policy: Policy = "latest",
        sinks: tuple[str, ...] = (),
        inboxes_of: Iterable[str] = ("preprocess.0",),
        **settings: Any,
    ) -> None:
        overrides = {"page.address": "off", "publish.endpoint": "tcp://127.0.0.1:*"}
        overrides |= {name.replace("__", "."): value for name, value in settings.items()}
        bare = Topology(
            run_dir=str(run_dir),
            config=load(overrides=overrides),
            cameras=tuple(CameraSpec(name=n, source=source, policy=policy, independent_images=False) for n in cameras),
            networks={},
            endpoints={},
            sinks=sinks,
        )
        names = (*bare.processes, SUPERVISOR, "published")
        self.topology = msgspec.structs.replace(bare, endpoints=endpoints(names, run_dir))
        self.ledger = Ledger.create(self.topology.ledger, self.topology.camera_names)
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._inboxes = {name: Inbox(self.context, self.topology.endpoints[name]) for name in (SUPERVISOR, *inboxes_of)}
        self._outboxes = Outboxes(self.context, self.topology.endpoints)
        self._received: dict[str, list[AnyMessage]] = {name: [] for name in self._inboxes}
        self._children: list[Child] = []

    def start(self, name: str) -> Child:
        """The stage, started as the supervisor does it."""
        child = Child(name, Budget(self.topology.config.supervisor))
        self._children.append(child)
        child.start(self.topology, now_ns())
        return child

    def started(self, name: str) -> Child:
        """The stage, ready."""
        child = self.start(name)
        child.description = self.next(Ready).description
        return child

    def send(self, to: str, *messages: Message) -> None:
        for message in messages:
            self._outboxes.send(to, message)

    def next(self, kind: type[MessageT], to: str = SUPERVISOR) -> MessageT:
        """The next message of that kind to a process in `inboxes_of`; messages before it are discarded."""
        inbox, received = self._inboxes[to], self._received[to]
        while True:
            while received:
                if isinstance(message := received.pop(0), kind):
                    return message
            assert inbox.socket.poll(PATIENCE_MS), f"no {kind.__name__} came: {self.log_tail()}"
            received += inbox.drain()

    def log_tail(self) -> list[str]:
        """The last lines that the stages wrote to standard error."""
        return [line for child in self._children for line in child.log_tail]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.kill()
            child.collect()
        self.ledger.close()
        self.context.destroy(0)
