"""The frame of every process of a run: inbox, outboxes, heartbeat, exit with its parent.

`python -m posestream.stream.run.process NAME` runs the module of that process. It reads the topology from standard
input, which the parent keeps open: end of file means that the parent has died, and the process exits.
"""

import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence

import zmq

from posestream.stream.errors import DeviceFailedError, UserError
from posestream.stream.ipc.clock import now_ns
from posestream.stream.ipc.ledger import Ledger
from posestream.stream.ipc.messages import AnyMessage, Failed, Heartbeat, Message, Ready
from posestream.stream.ipc.sockets import Inbox, Outboxes
from posestream.stream.run.topology import SUPERVISOR, Topology

HEARTBEAT_EVERY_NS = 500_000_000
MODULES = {
    "capture": "posestream.stream.stages.capture.capture",
    "preprocess": "posestream.stream.stages.preprocess.preprocess",
    "infer": "posestream.stream.stages.infer.infer",
    "postprocess": "posestream.stream.stages.postprocess.postprocess",
    "publish": "posestream.stream.stages.publish.publish",
    "page": "posestream.stream.page.page_process",
    "sink": "posestream.stream.sinks.sink_process",
}
"""Stage -> module, which has `main(process: Process) -> None`; it returns after a Stop message."""

log = logging.getLogger(__name__)


class Process:
    """A process of the run, as the argument of its module's `main`."""

    def __init__(self, name: str, topology: Topology) -> None:
        self.name = name
        self.topology = topology
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.inbox = Inbox(self.context, topology.endpoints[name])
        self.ledger = Ledger(topology.ledger, topology.camera_names)
        self._outboxes = Outboxes(self.context, topology.endpoints, (SUPERVISOR, *topology.all_readers))
        self._poller: zmq.Poller | None = None
        self._last_heartbeat_ns = 0

    @property
    def stage(self) -> str:
        """The stage: the name up to its dot."""
        return self.name.partition(".")[0]

    @property
    def instance(self) -> str:
        """The camera or number: the name behind its dot; "" if it has none."""
        return self.name.partition(".")[2]

    def watch(self, readable: "int | zmq.Socket[bytes]") -> None:
        """Makes `receive` also return when this file descriptor or socket is readable."""
        if self._poller is None:
            self._poller = zmq.Poller()
            self._poller.register(self.inbox.socket, zmq.POLLIN)
        self._poller.register(readable, zmq.POLLIN)

    def ready(self, description: str = "", *, on_gpu: bool = False) -> None:
        """Sends Ready to the supervisor."""
        self.send(SUPERVISOR, Ready(process=self.name, description=description, on_gpu=on_gpu))

    def send(self, to: str, message: Message) -> None:
        """Queues a message for another process; never blocks."""
        self._outboxes.send(to, message)

    def receive(self, timeout_ms: int = 200) -> list[AnyMessage]:
        """Waits up to `timeout_ms` for messages and returns all that have arrived, oldest first; sends a heartbeat."""
        if self._poller is None:
            messages = self.inbox.receive(timeout_ms)
        else:
            self._poller.poll(timeout_ms)
            messages = self.inbox.drain()
        self.heartbeat()
        return messages

    def heartbeat(self) -> None:
        """Sends a heartbeat to the supervisor, at most twice a second."""
        if now_ns() - self._last_heartbeat_ns >= HEARTBEAT_EVERY_NS:
            self._last_heartbeat_ns = now_ns()
            self.send(SUPERVISOR, Heartbeat(process=self.name))

    def busy(self, *, on_gpu: bool = False) -> None:
        """Announces to the supervisor that no heartbeat comes for a while; the next one ends that."""
        self.send(SUPERVISOR, Heartbeat(process=self.name, busy=True, on_gpu=on_gpu))
        self._last_heartbeat_ns = 0

    def close(self) -> None:
        """Closes all sockets; messages to the supervisor and to readers get half a second to be delivered."""
        self.ledger.close()
        self.context.destroy()


def main(arguments: Sequence[str]) -> int:
    """Runs the process that the one argument names; returns its exit code."""
    (name,) = arguments
    logging.basicConfig(level=logging.INFO, format=f"%(levelname)s {name}: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor handles Ctrl-C, and stops all processes in order
    topology = Topology.decode(sys.stdin.buffer.readline())
    threading.Thread(target=_exit_with_parent, name="parent", daemon=True).start()
    process = Process(name, topology)
    try:
        importlib.import_module(MODULES[process.stage]).main(process)
    except UserError as error:
        process.send(SUPERVISOR, Failed(process=name, reason=str(error), exit_code=error.exit_code))
        return error.exit_code
    except DeviceFailedError as error:
        log.error("%s", error)
        return error.exit_code
    finally:
        process.close()
    return 0


def _exit_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):  # unbuffered: a locked buffer aborts the interpreter's teardown
        pass
    os._exit(1)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # skips interpreter teardown, which takes some 0.2 s of the 2 s in which a run must stop
