"""The client over real sockets."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from posestream.stream.client import Subscriber
from posestream.stream.ipc.messages import encode
from tests.stream.publisher import Publisher, pose, state

SOON_S = 20.0
NOTHING_S = 0.05


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


def test_yields_what_was_published_in_order(publisher: Publisher) -> None:
    messages = [pose(seq=0), pose("cam1", seq=7, people=[]), pose(seq=1)]
    with Subscriber(publisher.endpoint, timeout_s=SOON_S) as subscriber:
        publisher.subscription()
        publisher.send(*messages)
        assert [next(subscriber) for _ in messages] == messages


def test_is_an_iterator_that_needs_no_with(publisher: Publisher) -> None:
    subscriber = Subscriber(publisher.endpoint, timeout_s=SOON_S)
    publisher.subscription()
    publisher.send(pose(seq=3))
    for message in subscriber:
        assert message.seq == 3
        break
    del subscriber
    assert publisher.subscription() == b"\0pose."  # it is gone with its last use


def test_yields_states_only_when_asked(publisher: Publisher) -> None:
    with (
        Subscriber(publisher.endpoint, timeout_s=SOON_S) as poses,
        Subscriber(publisher.endpoint, states=True, timeout_s=SOON_S) as both,
    ):
        assert sorted(publisher.subscription() for _ in range(3)) == [b"\1pose.", b"\1pose.", b"\1state."]
        stalled = state(name="stalled", reason="no frame for 2 s")
        sent = pose()
        publisher.send(stalled, sent)
        assert poses.recv() == sent
        assert [both.recv(), both.recv()] == [stalled, sent]


def test_yields_only_the_cameras_asked_for_though_names_begin_alike(publisher: Publisher) -> None:
    with Subscriber(publisher.endpoint, cameras=["cam1"], timeout_s=SOON_S) as subscriber:
        publisher.subscription()
        publisher.send(pose("cam0"), pose("cam10"), pose("cam1", seq=5))
        assert (subscriber.recv().camera, subscriber.malformed) == ("cam1", 0)


def test_says_that_nothing_comes(publisher: Publisher) -> None:
    with (
        Subscriber(publisher.endpoint) as subscriber,
        pytest.raises(TimeoutError, match=r"nothing from tcp://127\.0\.0\.1:\d+ for 0\.05 s: is posestream running"),
    ):
        subscriber.recv(NOTHING_S)


def test_finds_a_publisher_that_starts_later() -> None:
    with Publisher() as first:
        endpoint = first.endpoint
    with Subscriber(endpoint, timeout_s=SOON_S) as subscriber, Publisher(endpoint) as second:
        second.subscription()
        second.send(pose(seq=9))
        assert subscriber.recv().seq == 9


@pytest.mark.parametrize(
    "parts",
    [
        (b"pose.cam0", b"\xc1"),
        (b"pose.cam0", b"\x81\xa6camera\xa4cam0"),
        (b"pose.cam0",),
        (b"pose.cam0", b"\x80", b"\x80"),
    ],
    ids=["no MessagePack", "keys missing", "one part", "three parts"],
)
def test_counts_and_skips_what_is_malformed(publisher: Publisher, parts: tuple[bytes, ...]) -> None:
    with Subscriber(publisher.endpoint, timeout_s=SOON_S) as subscriber:
        publisher.subscription()
        publisher.send_parts(*parts)
        publisher.send(pose(seq=2))
        assert (subscriber.recv().seq, subscriber.malformed) == (2, 1)


def test_counts_frames_for_which_nothing_came(publisher: Publisher) -> None:
    with Subscriber(publisher.endpoint, timeout_s=SOON_S) as subscriber:
        publisher.subscription()
        publisher.send(*(pose(seq=seq) for seq in (10, 11, 15)), pose("cam1", seq=2), pose(seq=0), pose(seq=2))
        for _ in range(6):
            subscriber.recv()
    assert subscriber.missing == {"cam0": 3 + 1, "cam1": 0}  # after 15 the publisher began anew


def test_latest_passes_over_all_that_a_slow_program_missed(publisher: Publisher) -> None:
    with Subscriber(publisher.endpoint, latest=True, timeout_s=SOON_S) as subscriber:
        publisher.subscription()
        last = -1
        for burst in range(1000):  # when a burst arrives is the network's affair: in some, many wait at once
            newest = 40 * burst + 39
            publisher.send(*(pose(seq=seq) for seq in range(newest - 39, newest + 1)))
            while last != newest:
                passed_over = (message := subscriber.recv()).seq - last - 1
                last = message.seq
                if passed_over >= 10:
                    return
    pytest.fail("never were ten messages passed over at once")


def test_latest_passes_over_a_waiting_message_for_one_that_arrived_since(publisher: Publisher) -> None:
    with Subscriber(publisher.endpoint, latest=True, timeout_s=SOON_S) as subscriber:
        publisher.subscription()
        subscriber._mailbox.put([b"pose.cam0", encode(pose(seq=0))])
        publisher.send(pose(seq=1))
        assert subscriber._socket.poll(int(SOON_S * 1000))
        assert subscriber.recv().seq == 1


def test_without_latest_messages_wait_in_the_bounded_queue_of_the_socket(publisher: Publisher) -> None:
    with Subscriber(publisher.endpoint, timeout_s=SOON_S) as subscriber:
        publisher.subscription()
        publisher.send(*(pose(seq=seq) for seq in range(50)))
        for seq in range(50):
            assert subscriber.recv().seq == seq
            assert subscriber._mailbox.take() is None


def test_without_a_timeout_it_waits_for_the_message(publisher: Publisher) -> None:
    with Subscriber(publisher.endpoint) as subscriber:
        publisher.subscription()
        publisher.send(pose(seq=7))
        assert subscriber.recv().seq == 7


def test_its_block_ends_the_subscription(publisher: Publisher) -> None:
    with Subscriber(publisher.endpoint) as subscriber:
        assert publisher.subscription() == b"\1pose."
    assert publisher.subscription() == b"\0pose."
    subscriber.close()  # again, without effect


def test_says_what_an_endpoint_looks_like() -> None:
    with pytest.raises(ValueError, match="an endpoint looks like tcp://127"):
        Subscriber("127.0.0.1:5556")


def test_imports_nothing_heavy() -> None:
    heavy = ("numpy", "cv2", "av", "aiohttp")
    program = f"import sys, posestream.stream.client; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
