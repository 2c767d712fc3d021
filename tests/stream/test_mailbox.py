"""The mailbox: which messages wait for a program, and how many."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
import zmq

from posestream.stream.client import QUEUE, Mailbox
from posestream.stream.ipc.messages import encode
from posestream.stream.published import PoseMessage, StateMessage
from tests.stream.publisher import PATIENCE_MS, pose, state


def parts(message: PoseMessage | StateMessage) -> list[bytes]:
    kind = "pose" if isinstance(message, PoseMessage) else "state"
    return [f"{kind}.{message.camera}".encode(), encode(message)]


def taken(mailbox: Mailbox, *messages: PoseMessage | StateMessage) -> list[PoseMessage | StateMessage]:
    """All that waits after these messages were put in."""
    for message in messages:
        mailbox.put(parts(message))
    return list(iter(mailbox.take, None))


MESSAGES: list[PoseMessage | StateMessage] = [
    pose(seq=0),
    state(),
    pose("cam1", seq=4),
    pose(seq=1),
    state(name="stalled"),
    pose(seq=2),
]


def test_messages_wait_in_order() -> None:
    assert taken(Mailbox(None, states=True, latest=False), *MESSAGES) == MESSAGES


def test_latest_keeps_the_newest_pose_of_each_camera_and_all_states() -> None:
    kept = [MESSAGES[i] for i in (1, 2, 4, 5)]
    assert taken(Mailbox(None, states=True, latest=True), *MESSAGES) == kept


def test_missing_counts_from_the_first_message_on_and_not_back_over_a_restart() -> None:
    mailbox = Mailbox(None, states=False, latest=False)
    taken(mailbox, *(pose(seq=seq) for seq in (5, 6, 9, 0, 1, 3)))
    assert mailbox.missing == {"cam0": 2 + 1}


def test_messages_of_other_cameras_are_ignored_and_damaged_ones_are_malformed() -> None:
    mailbox = Mailbox(["cam1"], states=False, latest=False)
    mailbox.put([b"pose.cam10", b"\xc1"])
    mailbox.put([b"pose.cam1", b"\xc1"])
    assert (mailbox.take(), mailbox.malformed) == (None, 1)


def test_a_message_without_parts_is_malformed() -> None:
    mailbox = Mailbox(None, states=False, latest=False)
    mailbox.put([])
    assert (mailbox.take(), mailbox.malformed) == (None, 1)


# ---- its socket


class Ends(NamedTuple):
    """Both ends of a stream inside this process, where ZeroMQ adds the queues of both."""

    publisher: "zmq.Socket[bytes]"
    subscriber: "zmq.Socket[bytes]"


@pytest.fixture
def ends() -> Iterator[Ends]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context.socket(zmq.XPUB) as publisher, context.socket(zmq.SUB) as subscriber:
        publisher.set_hwm(1)
        publisher.bind("inproc://stream")
        yield Ends(publisher, subscriber)
    context.destroy(0)


@pytest.mark.parametrize(
    ("cameras", "states", "topics"),
    [
        (None, False, [b"\1pose."]),
        (None, True, [b"\1pose.", b"\1state."]),
        (["cam1"], True, [b"\1pose.cam1", b"\1state.cam1"]),
    ],
)
def test_only_the_topics_asked_for_are_subscribed(
    ends: Ends, cameras: list[str] | None, states: bool, topics: list[bytes]
) -> None:
    Mailbox(cameras, states=states, latest=False).connect(ends.subscriber, "inproc://stream")
    received: list[bytes] = []
    while len(received) < len(topics):
        assert ends.publisher.poll(PATIENCE_MS)
        received.append(ends.publisher.recv())
    assert received == topics
    assert not ends.publisher.poll(0)


def test_at_most_a_queue_of_messages_waits_for_a_slow_program(ends: Ends) -> None:
    Mailbox(None, states=False, latest=False).connect(ends.subscriber, "inproc://stream")
    assert ends.publisher.poll(PATIENCE_MS)
    ends.publisher.recv()
    for seq in range(10 * QUEUE):
        ends.publisher.send_multipart(parts(pose(seq=seq)), zmq.NOBLOCK)
    waiting = 0
    while ends.subscriber.poll(0):
        ends.subscriber.recv_multipart()
        waiting += 1
    assert waiting == QUEUE + 1
