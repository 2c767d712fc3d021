"""Links between processes: messages stay in order, none is lost, no sender blocks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
import zmq

from posestream.stream.ipc.messages import Heartbeat, Ready, Stop, encode
from posestream.stream.ipc.sockets import Inbox, Outboxes, endpoints

PATIENCE_MS = 20_000
EndT = TypeVar("EndT", Inbox, Outboxes)


@dataclass
class Links:
    """Both ends of the links between processes of these names."""

    context: "zmq.Context[zmq.Socket[bytes]]"
    addresses: dict[str, str]
    opened: list[object] = field(default_factory=list)

    def inbox(self, name: str = "a") -> Inbox:
        return self._kept(Inbox(self.context, self.addresses[name]))

    def outboxes(self) -> Outboxes:
        return self._kept(Outboxes(self.context, self.addresses))

    def _kept(self, end: EndT) -> EndT:
        self.opened.append(end)
        return end


@pytest.fixture
def links(tmp_path: Path) -> Iterator[Links]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield Links(context, endpoints(["a", "nobody"], tmp_path))
    context.destroy(0)


def received(inbox: Inbox, count: int) -> list[object]:
    """The next `count` messages of an inbox."""
    messages: list[object] = []
    while len(messages) < count:
        assert inbox.socket.poll(PATIENCE_MS), f"{len(messages)} of {count} came"
        messages += inbox.drain()
    return messages


def heartbeats(count: int, of: str = "infer") -> list[Heartbeat]:
    return [Heartbeat(process=f"{of}.{i}") for i in range(count)]


def test_order_is_kept(links: Links) -> None:
    inbox, outboxes = links.inbox(), links.outboxes()
    for heartbeat in heartbeats(5000):
        outboxes.send("a", heartbeat)
    assert received(inbox, 5000) == heartbeats(5000)


def test_each_sender_keeps_its_own_order(links: Links) -> None:
    inbox = links.inbox()
    senders = [links.outboxes() for _ in range(3)]
    for i in range(300):
        for number, sender in enumerate(senders):
            sender.send("a", heartbeats(300, of=f"sender{number}")[i])
    came = received(inbox, 900)
    for number in range(3):
        sent = heartbeats(300, of=f"sender{number}")
        assert [heartbeat for heartbeat in came if heartbeat in sent] == sent


def test_messages_wait_for_a_receiver_that_starts_later(links: Links) -> None:
    outboxes = links.outboxes()
    for heartbeat in heartbeats(50):
        outboxes.send("a", heartbeat)
    assert received(links.inbox(), 50) == heartbeats(50)


def test_messages_wait_for_a_receiver_that_is_started_again(links: Links) -> None:
    first, outboxes = links.inbox(), links.outboxes()
    outboxes.send("a", Stop())
    assert received(first, 1) == [Stop()]
    gone = outboxes._sockets["a"].get_monitor_socket(zmq.EVENT_DISCONNECTED)
    first.socket.close()
    assert gone.poll(PATIENCE_MS)
    for heartbeat in heartbeats(50):
        outboxes.send("a", heartbeat)
    assert received(links.inbox(), 50) == heartbeats(50)


def test_sending_never_blocks_and_never_fails_without_a_receiver(links: Links) -> None:
    sleeper, outboxes = links.inbox(), links.outboxes()
    for heartbeat in heartbeats(20_000):
        outboxes.send("nobody", heartbeat)
        outboxes.send("a", heartbeat)
    assert received(sleeper, 20_000) == heartbeats(20_000)


def test_receiving_waits_for_a_message_and_brings_the_others_with_it(links: Links) -> None:
    inbox, outboxes = links.inbox(), links.outboxes()
    for heartbeat in heartbeats(50):
        outboxes.send("a", heartbeat)
    came: list[object] = []
    while len(came) < 50:
        messages = inbox.receive(PATIENCE_MS)
        assert messages
        came += messages
    assert came == heartbeats(50)


def test_receiving_from_an_empty_inbox_ends_with_nothing(links: Links) -> None:
    inbox = links.inbox()
    assert inbox.receive(0) == []
    assert inbox.receive(1) == []


def test_draining_an_empty_inbox_does_not_wait(links: Links) -> None:
    assert links.inbox().drain() == []


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        encode(Stop())[:-1],
        msgspec.msgpack.encode({"kind": "stop", "kinder": 1})[:5],
        b"\x81\xa4kind\xa2\xff\xff",
    ],
    ids=["empty", "no MessagePack", "cut off", "broken off in a key", "no UTF-8"],
)
def test_malformed_payloads_are_counted_and_dropped_and_the_rest_arrives(
    links: Links, payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    inbox, outboxes = links.inbox(), links.outboxes()
    outboxes.send("a", Ready(process="before"))
    outboxes._sockets["a"].send(payload)
    outboxes.send("a", Ready(process="after"))
    assert received(inbox, 2) == [Ready(process="before"), Ready(process="after")]
    assert inbox.malformed == 1
    assert f"dropped a malformed message of {len(payload)} bytes (1 so far)" in caplog.text


def test_an_endpoint_is_as_long_as_a_socket_name_may_be() -> None:
    """108 bytes on Linux, 104 on macOS, the end of the text included."""
    longest_uid, longest_camera = 2**32 - 2, "a" * 64
    on_linux = Path(f"/dev/shm/posestream-{longest_uid}-abcdefgh")
    on_macos = Path("/private/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/posestream-501-abcdefgh")
    for folder, room in ((on_linux, 108), (on_macos, 104)):
        for endpoint in endpoints([f"capture.{longest_camera}", "published"], folder).values():
            assert len(endpoint.removeprefix("ipc://").encode()) < room


def test_processes_have_endpoints_of_their_own(tmp_path: Path) -> None:
    names = ["capture.cam0", "capture.cam1", "publish"]
    assert len(set(endpoints(names, tmp_path).values())) == 3


def test_where_there_are_no_unix_sockets_messages_go_over_loopback(
    links: Links, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zmq, "has", lambda feature: feature != "ipc")
    links.addresses = endpoints(["a", "b"], tmp_path)
    assert all(address.startswith("tcp://127.0.0.1:") for address in links.addresses.values())
    inbox, outboxes = links.inbox(), links.outboxes()
    outboxes.send("a", Stop())
    assert received(inbox, 1) == [Stop()]
