"""The publish process: which frames and states it sends, and when."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import zmq

from posestream.stream.ipc.ledger import Account
from posestream.stream.ipc.messages import EndOfStream, FrameFacts, PosesReady, Released, Sample, SourceState, Stop
from posestream.stream.published import StateMessage, pose_decoder, state_decoder
from tests.ipc.stage_run import PATIENCE_MS, StageRun


def frame(seq: int, **changes: Any) -> FrameFacts:
    facts: dict[str, Any] = dict.fromkeys(("epoch", "slot", "capture_ns", "capture_unix_ns"), 0)
    sizes: dict[str, Any] = {
        "generation": 2,
        "width": 64,
        "height": 48,
        "source_ns": None,
        "stamps_ns": {},
        "busy_ns": {},
    }
    return FrameFacts(**{"camera": "cam0", "seq": seq, **facts, **sizes, **changes})


def poses(*seqs: int) -> list[PosesReady]:
    return [PosesReady(frame=frame(seq), people=[]) for seq in seqs]


def a_state(name: Any, *, camera: str = "cam0", final: bool = False) -> SourceState:
    return SourceState(camera=camera, state=name, reason="", at_ns=0, final=final)


class Subscription:
    """A plain ZeroMQ subscriber. States are sent again whenever a subscriber joins: repetitions are skipped."""

    def __init__(self, run: StageRun, endpoint: str, topic: bytes = b"") -> None:
        self._socket = run.context.socket(zmq.SUB)
        self._socket.subscribe(topic)
        self._socket.connect(endpoint)
        self._last: dict[bytes, bytes] = {}

    def next(self) -> tuple[str, Any]:
        while True:
            assert self._socket.poll(PATIENCE_MS)
            topic, payload = self._socket.recv_multipart()
            if self._last.get(topic) != payload:
                self._last[topic] = payload
                return topic.decode(), msgspec.msgpack.decode(payload)


@contextmanager
def publishing(shm: Path, **settings: Any) -> Iterator[tuple[StageRun, Subscription]]:
    """A run with publish ready, and a subscriber to everything that is connected."""
    with StageRun(shm, **settings) as run:
        child = run.started("publish")
        run.send("publish", a_state("live"))
        subscription = Subscription(run, child.description)
        assert subscription.next()[1]["state"] == "live"
        yield run, subscription


def test_a_frame_is_published_with_the_totals_of_its_camera(shm: Path) -> None:
    with publishing(shm) as (run, subscription):
        run.ledger.count_captured("cam0", 5)
        run.ledger.settle("cam0", 0, "replaced")
        run.send("publish", *poses(1))
        topic, message = subscription.next()
        assert topic == "pose.cam0"
        assert (message["seq"], message["captured"], message["drops"], message["people"]) == (1, 5, {"replaced": 1}, [])
        assert run.ledger.account("cam0") == Account(5, 1, {"replaced": 1}, 0)


def test_the_figures_of_a_frame_are_noted(shm: Path) -> None:
    with publishing(shm) as (run, subscription):
        run.ledger.count_captured("cam0", 2)
        run.send("publish", PosesReady(frame=frame(0, busy_ns={"infer": 2_000_000}), people=[]), *poses(1))
        while subscription.next()[1]["seq"] != 1:  # then it is through with frame 0
            pass
        assert run.ledger.busy_ms("cam0")["infer"] == 2.0
        assert run.ledger.latencies("cam0").sum() >= 1


def test_a_frame_that_was_given_up_is_not_sent(shm: Path) -> None:
    with publishing(shm) as (run, subscription):
        run.ledger.count_captured("cam0", 3)
        run.ledger.settle("cam0", 1, "timeout")
        run.send("publish", *poses(0, 1, 2))
        assert [subscription.next()[1]["seq"] for _ in range(2)] == [0, 2]
        assert run.ledger.account("cam0") == Account(3, 2, {"timeout": 1}, 0)


def test_a_frame_is_sent_once(shm: Path) -> None:
    with publishing(shm) as (run, subscription):
        run.ledger.count_captured("cam0", 2)
        run.send("publish", *poses(0, 0, 1))
        assert [subscription.next()[1]["seq"] for _ in range(2)] == [0, 1]


def test_the_end_of_a_camera_is_published_after_its_last_frame(shm: Path) -> None:
    with publishing(shm, cameras=("cam0", "cam1")) as (run, subscription):
        run.ledger.count_captured("cam0", 2)
        run.send("publish", a_state("ended", final=True), a_state("ended", camera="cam1", final=True), *poses(0, 1))
        told = [subscription.next() for _ in range(4)]
        assert [topic for topic, _ in told] == ["state.cam1", "pose.cam0", "pose.cam0", "state.cam0"]
        assert told[-1][1]["state"] == "ended"


def test_a_late_subscriber_receives_the_last_state_of_each_camera_at_once(shm: Path) -> None:
    with publishing(shm, cameras=("cam0", "cam1")) as (run, subscription):
        run.send("publish", a_state("lost"), a_state("connecting", camera="cam1"))
        assert [subscription.next()[1]["state"] for _ in range(2)] == ["lost", "connecting"]
        late = Subscription(run, run.topology.published, b"state.")
        assert sorted((topic, state["state"]) for topic, state in (late.next(), late.next())) == [
            ("state.cam0", "lost"),
            ("state.cam1", "connecting"),
        ]


def test_as_many_frames_are_published_as_were_asked_for(shm: Path) -> None:
    with publishing(shm, run__frames=2, policy="every") as (run, subscription):
        run.ledger.count_captured("cam0", 3)
        run.send("publish", *poses(0, 1, 2))
        assert [run.next(Released, "preprocess.0").seq for _ in range(3)] == [0, 1, 2]
        assert [subscription.next()[1]["seq"] for _ in range(2)] == [0, 1]
        assert run.ledger.account("cam0") == Account(3, 2, {"stopped": 1}, 0)


def test_sinks_receive_the_sent_messages_and_the_end(shm: Path) -> None:
    with publishing(shm, policy="every", sinks=("/out.jsonl",), inboxes_of=("sink.0", "preprocess.0")) as (run, _):
        run.ledger.count_captured("cam0", 1)
        run.send("publish", *poses(0), Stop())
        sample = run.next(Sample, "sink.0")
        assert pose_decoder.decode(sample.payload).seq == sample.frame.seq == 0
        run.next(EndOfStream, "sink.0")


def test_a_frame_that_is_not_sent_to_sinks_is_released_in_their_place(shm: Path) -> None:
    sinks = ("/out.jsonl", "/out.mp4")
    with publishing(shm, policy="every", sinks=sinks, inboxes_of=("preprocess.0",)) as (run, _):
        run.ledger.count_captured("cam0", 1)
        run.ledger.settle("cam0", 0, "stage_lost")
        run.send("publish", *poses(0))
        assert [run.next(Released, "preprocess.0").by for _ in range(2)] == ["sink.0", "sink.1"]


def test_published_states_are_messages_of_the_schema(shm: Path) -> None:
    with publishing(shm) as (run, subscription):
        run.send("publish", a_state("stalled"))
        _, message = subscription.next()
        state = state_decoder.decode(msgspec.msgpack.encode(message))
        assert isinstance(state, StateMessage)
        assert (state.camera, state.state) == ("cam0", "stalled")
