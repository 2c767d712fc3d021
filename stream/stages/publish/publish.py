"""publish: sends people to whoever subscribes, and accounts for the frame. It only publishes.

A frame is settled in the ledger before it is sent: one that was given up meanwhile is not sent, so nobody gets a frame
that is counted as dropped. Subscribers that are slow lose messages, and learn it from `captured` and `drops`.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

import zmq

from posestream.stream.errors import RunError
from posestream.stream.ipc.clock import now_ns, unix_offset_ns
from posestream.stream.ipc.ledger import Account
from posestream.stream.ipc.messages import (
    EndOfStream,
    FrameFacts,
    PosesReady,
    Released,
    Sample,
    SourceState,
    Stop,
    encode,
)
from posestream.stream.published import PoseMessage, StateMessage
from posestream.stream.run.process import Process

log = logging.getLogger(__name__)

QUEUE = 200  # messages kept for one slow subscriber before it loses the next ones


def step(poses: PosesReady, account: Account, now_ns: int) -> PoseMessage:
    """The message about one frame."""
    frame = poses.frame
    return PoseMessage(
        camera=frame.camera,
        epoch=frame.epoch,
        seq=frame.seq,
        width=frame.width,
        height=frame.height,
        capture_ns=frame.capture_ns,
        capture_unix_ns=frame.capture_unix_ns,
        source_ns=frame.source_ns,
        stamps_ns={**frame.stamps_ns, "publish": now_ns},
        people=poses.people,
        captured=account.captured,
        drops=dict(account.drops),
    )


class Publisher:
    """The socket that subscribers connect to, at `address`, with the port that a `*` became.

    It repeats the last state of a camera to those who come later.
    """

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", endpoints: list[str]) -> None:
        """Binds. Raises RunError where an endpoint is taken, or is none."""
        self.socket = context.socket(zmq.XPUB)
        self.socket.set_hwm(QUEUE)
        self.socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        self.socket.setsockopt(zmq.LINGER, 500)
        for endpoint in endpoints:
            try:
                self.socket.bind(endpoint)
            except zmq.ZMQError as error:
                self.socket.close(linger=0)
                why = zmq.strerror(error.errno or 0)
                raise RunError(
                    f"cannot publish on {endpoint}: {why}; name another with --publish tcp://HOST:PORT"
                ) from None
            if endpoint is endpoints[0]:
                self.address = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._states: dict[bytes, bytes] = {}

    def send(self, topic: str, payload: bytes) -> None:
        """Sends to all who subscribed; never blocks."""
        self.socket.send_multipart([topic.encode(), payload], zmq.NOBLOCK)

    def send_state(self, message: StateMessage) -> None:
        """Sends a camera's state, and remembers it."""
        topic = f"state.{message.camera}"
        self._states[topic.encode()] = encode(message)
        self.send(topic, self._states[topic.encode()])

    def welcome(self) -> None:
        """Tells new subscribers the states they asked for."""
        while self.socket.poll(0, zmq.POLLIN):
            event = self.socket.recv()
            if event[:1] == b"\x01":
                for topic, payload in self._states.items():
                    if topic.startswith(event[1:]) or event[1:].startswith(topic):
                        self.socket.send_multipart([topic, payload], zmq.NOBLOCK)


@dataclass
class _Loop:
    """Between postprocess, the ledger, the subscribers and the sinks."""

    process: Process
    publisher: Publisher
    ending: dict[str, SourceState] = field(default_factory=dict)

    def publish(self, poses: PosesReady) -> None:
        frame, ledger, topology = poses.frame, self.process.ledger, self.process.topology
        readers = topology.leaseholders(frame.camera)
        began_ns = now_ns()
        if not self._settle(frame.camera, frame.seq):
            self._release(frame, readers)  # none of them will hear of it
            return
        message = step(poses, ledger.account(frame.camera), now_ns())
        payload = encode(message)
        self.publisher.send(f"pose.{frame.camera}", payload)
        ended_ns = now_ns()
        busy_ns = {**frame.busy_ns, "publish": ended_ns - began_ns}
        ledger.note_published(frame.camera, len(poses.people), ended_ns - frame.capture_ns, busy_ns)
        for reader in topology.readers(frame.camera):
            self.process.send(reader, Sample(frame=frame, payload=payload))
        if self.process.name in readers:
            self._release(frame, (self.process.name,))

    def _release(self, frame: FrameFacts, readers: Iterable[str]) -> None:
        """Says that these have no more use for the frame's pixels."""
        worker = self.process.topology.worker("preprocess", frame.camera)
        for reader in readers:
            self.process.send(worker, Released(camera=frame.camera, epoch=frame.epoch, seq=frame.seq, by=reader))

    def _settle(self, camera: str, seq: int) -> bool:
        """True where this frame is to be sent: not given up before, and within the number asked for."""
        ledger, limit = self.process.ledger, self.process.topology.config.run.frames
        if limit and ledger.account(camera).published >= limit:
            ledger.settle(camera, seq, "stopped")
            return False
        return ledger.settle(camera, seq, "published")

    def tell(self, state: SourceState) -> None:
        """Publishes a state; the end of a camera waits for its last frame."""
        if state.final and self.process.ledger.account(state.camera).in_flight:
            self.ending[state.camera] = state
            return
        unix_ns = state.at_ns + unix_offset_ns()
        self.publisher.send_state(
            StateMessage(camera=state.camera, state=state.state, reason=state.reason, unix_ns=unix_ns)
        )

    def tell_endings(self) -> None:
        """Publishes the ends that waited, as far as their frames are through."""
        for camera, state in list(self.ending.items()):
            if not self.process.ledger.account(camera).in_flight:
                del self.ending[camera]
                self.tell(state)


def main(process: Process) -> None:
    """Runs the stage."""
    topology = process.topology
    publisher = Publisher(process.context, [topology.config.publish.endpoint, topology.published])
    loop = _Loop(process, publisher)
    process.ready(publisher.address)
    stopped = False
    while not stopped:
        for message in process.receive():
            match message:
                case PosesReady():
                    loop.publish(message)
                case SourceState():
                    loop.tell(message)
                case Stop():
                    stopped = True
                case _:
                    pass
        loop.tell_endings()
        publisher.welcome()  # at each frame, and else as often as `receive` returns without one: nobody need be quicker
    for reader in topology.all_readers:
        process.send(reader, EndOfStream())
