"""publish: the message about a frame, and the socket that it goes through."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import zmq

from posestream.stream.errors import RunError
from posestream.stream.ipc.ledger import Account
from posestream.stream.ipc.messages import FrameFacts, PosesReady, encode
from posestream.stream.published import Person, StateMessage
from posestream.stream.stages.publish.publish import QUEUE, Publisher, step

PATIENCE_MS = 20_000
FRAME = FrameFacts(
    camera="cam0",
    epoch=2,
    seq=7,
    slot=1,
    generation=4,
    width=640,
    height=480,
    capture_ns=100,
    capture_unix_ns=200,
    source_ns=None,
    stamps_ns={"capture": 110, "infer": 150},
    busy_ns={"infer": 30},
)
PERSON = Person(id=1, skeleton="coco17", box_xyxy=(0.0, 0.0, 9.0, 9.0), score=0.5, keypoints=[(1.0, 2.0, 0.5)])


@dataclass
class Sockets:
    """Publishers and subscribers that are closed with the test."""

    context: "zmq.Context[zmq.Socket[bytes]]"
    opened: list[object] = field(default_factory=list)

    def publisher(self, *endpoints: str) -> Publisher:
        publisher = Publisher(self.context, [*endpoints])
        self.opened.append(publisher)
        return publisher

    def subscriber(
        self, publisher: Publisher, topic: str, endpoint: str = "", *, queue: int = 1000
    ) -> "zmq.Socket[bytes]":
        """A subscriber whose subscription the publisher has read; `queue` messages wait in it."""
        subscriber: zmq.Socket[bytes] = self.context.socket(zmq.SUB)
        self.opened.append(subscriber)
        subscriber.set_hwm(queue)
        subscriber.subscribe(topic)
        subscriber.connect(endpoint or publisher.address)
        assert publisher.socket.poll(PATIENCE_MS)
        publisher.welcome()
        return subscriber


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield Sockets(context)
    context.destroy(0)


def next_state(subscriber: "zmq.Socket[bytes]") -> tuple[str, str]:
    assert subscriber.poll(PATIENCE_MS)
    topic, payload = subscriber.recv_multipart()
    return topic.decode(), msgspec.msgpack.decode(payload)["state"]


def a_state(name: Any, camera: str = "cam0") -> StateMessage:
    return StateMessage(camera=camera, state=name, reason="", unix_ns=0)


def test_a_message_says_what_is_known_of_its_frame() -> None:
    account = Account(captured=9, published=6, drops={"replaced": 2}, people=1)
    message = step(PosesReady(frame=FRAME, people=[PERSON]), account, now_ns=170)
    assert msgspec.msgpack.decode(encode(message)) == {
        "schema": 1,
        "camera": "cam0",
        "epoch": 2,
        "seq": 7,
        "width": 640,
        "height": 480,
        "capture_ns": 100,
        "capture_unix_ns": 200,
        "source_ns": None,
        "stamps_ns": {"capture": 110, "infer": 150, "publish": 170},
        "people": [msgspec.msgpack.decode(msgspec.msgpack.encode(PERSON))],
        "captured": 9,
        "drops": {"replaced": 2},
    }


def test_nobody_is_an_empty_list() -> None:
    message = step(PosesReady(frame=FRAME, people=[]), Account(1, 1, {}, 0), now_ns=0)
    assert msgspec.msgpack.decode(encode(message))["people"] == []


def test_who_subscribes_late_is_told_the_last_state_at_once(sockets: Sockets) -> None:
    publisher = sockets.publisher("tcp://127.0.0.1:*")
    for state in (a_state("connecting"), a_state("live"), a_state("lost", "cam1")):
        publisher.send_state(state)
    everything = sockets.subscriber(publisher, "")
    assert [next_state(everything) for _ in range(2)] == [("state.cam0", "live"), ("state.cam1", "lost")]
    assert next_state(sockets.subscriber(publisher, "state.cam1")) == ("state.cam1", "lost")
    states = sockets.subscriber(publisher, "state.")
    assert [next_state(states) for _ in range(2)] == [("state.cam0", "live"), ("state.cam1", "lost")]


def test_who_subscribes_to_poses_is_told_no_states(sockets: Sockets) -> None:
    publisher = sockets.publisher("tcp://127.0.0.1:*")
    publisher.send_state(a_state("live"))
    poses = sockets.subscriber(publisher, "pose.")
    publisher.send("pose.cam0", b"first")
    assert poses.poll(PATIENCE_MS)
    assert poses.recv_multipart() == [b"pose.cam0", b"first"]


def test_it_sends_on_all_its_endpoints_and_says_the_first(sockets: Sockets) -> None:
    publisher = sockets.publisher("tcp://127.0.0.1:*", "inproc://second")
    assert publisher.address.startswith("tcp://127.0.0.1:")
    assert not publisher.address.endswith("*")
    second = sockets.subscriber(publisher, "", "inproc://second")
    publisher.send("pose.cam0", b"x")
    assert second.poll(PATIENCE_MS)


def test_a_stalled_subscriber_loses_what_exceeds_its_queue_and_others_lose_nothing(sockets: Sockets) -> None:
    """So the memory for a subscriber is bounded, whatever it does."""
    publisher, own_queue = sockets.publisher("inproc://poses"), 10
    stalled = sockets.subscriber(publisher, "", queue=own_queue)
    lively = sockets.subscriber(publisher, "")
    for i in range(10 * QUEUE):
        publisher.send("pose.cam0", b"%d" % i)
        assert lively.recv_multipart(zmq.NOBLOCK) == [b"pose.cam0", b"%d" % i]
    kept = QUEUE + own_queue  # inside a process ZeroMQ adds the queues of both ends
    for i in range(kept):
        assert stalled.recv_multipart(zmq.NOBLOCK) == [b"pose.cam0", b"%d" % i]
    with pytest.raises(zmq.Again):
        stalled.recv(zmq.NOBLOCK)


@pytest.mark.parametrize(
    ("endpoint", "complaint"),
    [
        ("tcp://256.0.0.1:5556", "cannot publish on tcp://256.0.0.1:5556: "),
        ("ipc:///nowhere/at/all", "cannot publish on ipc:///nowhere/at/all: No such file or directory; name another"),
    ],
)
def test_an_endpoint_that_is_none_is_one_line(sockets: Sockets, endpoint: str, complaint: str) -> None:
    with pytest.raises(RunError) as raised:
        sockets.publisher(endpoint)
    assert str(raised.value).startswith(complaint)
    assert "\n" not in str(raised.value)


def test_a_port_in_use_is_one_line_that_says_what_to_do(sockets: Sockets) -> None:
    first = sockets.publisher("tcp://127.0.0.1:*")
    with pytest.raises(RunError) as raised:
        sockets.publisher(first.address)
    assert str(raised.value) == (
        f"cannot publish on {first.address}: Address already in use; name another with --publish tcp://HOST:PORT"
    )
