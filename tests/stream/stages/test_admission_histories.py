"""Admission in any history: cameras, stages and readers act in any order, die, and say things late or twice.

The machine plays everybody around a preprocess worker, the ledger included, and checks after each step that every lease
and every tensor slot is in one place, and at the end that all came back and every frame has one fate.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from posestream.engines.plan import Plan, Region
from posestream.engines.zoo.catalogue import find
from posestream.stream.ipc.messages import (
    Abandoned,
    AnotherPass,
    AnyMessage,
    Credit,
    Done,
    FrameFacts,
    FrameReady,
    Released,
    RingsReleased,
    StageLost,
    TensorFree,
)
from posestream.stream.stages.preprocess.admission import AdmissionState, Cut, Drop, Lane, Send, step

DETECTOR, POSE, WHOLE = find("nanodet"), find("movenet-lightning"), find("movenet-multipose")
TIMEOUT_NS = 100
CREDITS = 3
LANES = {
    "live": (Plan(POSE, DETECTOR, detect_every=3), ()),
    "file": (Plan(POSE, DETECTOR, detect_every=3), ("publish",)),
    "sunk": (Plan(WHOLE), ("sink.0", "sink.1")),
}
PROCESSES = ("infer", "publish", "postprocess.0", "sink.0", "sink.1", "page", *(f"capture.{name}" for name in LANES))
CROPS = [Region(1.0, 2.0, 3.0, 4.0, 0.0, 1)]
Key = tuple[str, int]  # camera, seq


@dataclass
class Camera:
    """A capture: its frames so far, its epoch, and its leases as (epoch, slot, generation)."""

    name: str
    captured: int = 0
    epoch: int = 0
    leases: set[tuple[int, int, int]] = field(default_factory=set)
    left: int = 0

    def capture(self) -> FrameFacts:
        slot = next(s for s in range(CREDITS + 1) if all(s != lease[1] for lease in self.leases))
        lease = (self.epoch, slot, 2 * self.captured + 2)
        self.leases.add(lease)
        self.captured += 1
        facts: dict[str, Any] = {"width": 64, "height": 48, "capture_ns": self.captured, "capture_unix_ns": 0}
        lying: dict[str, Any] = {"epoch": lease[0], "slot": lease[1], "generation": lease[2]}
        times: dict[str, Any] = {"source_ns": None, "stamps_ns": {}, "busy_ns": {}}
        return FrameFacts(camera=self.name, seq=self.captured - 1, **facts, **lying, **times)


class Histories(RuleBasedStateMachine):
    """Tensors in `jobs` are with infer, in `looked` with postprocess; people and pixels go on to publish and readers.

    What stages say to preprocess is `on_its_way` until it is heard, in any order.
    """

    def __init__(self) -> None:
        super().__init__()
        lanes = {name: Lane(name, plan, "postprocess.0", readers) for name, (plan, readers) in LANES.items()}
        self.state = AdmissionState(lanes, list(range(3)), TIMEOUT_NS)
        self.cameras = {name: Camera(name) for name in LANES}
        self.now_ns = 0
        self.generation = 0
        self.jobs: list[tuple[Cut, int]] = []
        self.looked: list[Cut] = []
        self.fates: dict[Key, str] = {}
        self.to_publish: list[Key] = []
        self.to_read: list[tuple[str, Key]] = []
        self.unleased: set[tuple[str, Key]] = set()  # readers that died before a frame was theirs
        self.on_its_way: list[AnyMessage] = []
        self.said: list[Done | Abandoned | TensorFree] = []  # what may be said again

    # ---- everybody around

    def take(self, *messages: AnyMessage) -> None:
        """A step, and what its actions do."""
        lost = any(isinstance(message, StageLost) for message in messages)
        flights = {(n, seq): f for n, lane in self.state.lanes.items() for seq, f in lane.flights.items()}
        frames = {(f.frame.camera, f.frame.epoch, f.frame.slot): key for key, f in flights.items()}
        was_done = {key for key, flight in flights.items() if flight.done}
        actions = step(self.state, messages, self.now_ns)
        dropped = {(drop.camera, drop.seq) for drop in actions if isinstance(drop, Drop)}
        assert lost or not dropped & was_done, "a frame was dropped after it was done"
        for action in actions:
            match action:
                case Cut():
                    self.cut(action)
                case Drop(camera=camera, seq=seq, reason=reason):
                    self.fates.setdefault((camera, seq), reason)
                case Send(to=to, message=Credit() as credit):
                    assert to == f"capture.{credit.camera}"
                    self.cameras[credit.camera].leases.remove((credit.epoch, credit.slot, credit.generation))
                    key = frames.get((credit.camera, credit.epoch, credit.slot))
                    assert lost or key is None or key in dropped or not self.is_read(key)
                case Send(to=to, message=RingsReleased(camera=camera, epoch=epoch)):
                    assert to == "supervisor"
                    assert self.cameras[camera].left < epoch <= self.cameras[camera].epoch
                    self.cameras[camera].left = epoch
                case Send(message=Abandoned(camera=camera, seq=seq)):
                    self.looked = [cut for cut in self.looked if (cut.frame.camera, cut.frame.seq) != (camera, seq)]
        self.said = [*self.said, *(m for m in messages if isinstance(m, Done | Abandoned | TensorFree))][-20:]

    def cut(self, cut: Cut) -> None:
        frame = cut.frame
        assert not self.state.lanes[frame.camera].flights[frame.seq].done
        assert (frame.epoch, frame.slot, frame.generation) in self.cameras[frame.camera].leases
        assert self.cameras[frame.camera].left <= frame.epoch
        assert cut.slot not in [job.slot for job, _ in self.jobs], "infer reads it"
        self.generation += 2
        self.state.lent[cut.slot] = self.generation
        self.jobs.append((cut, self.generation))

    def is_read(self, key: Key) -> bool:
        """True while somebody reads the frame's pixels beside the stages, or will."""
        readers = {reader for reader in LANES[key[0]][1] if (reader, key) not in self.unleased}
        return bool(readers) and (key in self.to_publish or any((reader, key) in self.to_read for reader in readers))

    @rule(name=st.sampled_from(sorted(LANES)), other_size=st.integers(0, 9).map(lambda n: n == 0))
    def capture(self, name: str, other_size: bool) -> None:
        camera = self.cameras[name]
        if len(camera.leases) < CREDITS:
            camera.epoch += other_size
            self.take(FrameReady(frame=camera.capture()))

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), failed=st.integers(0, 9).map(lambda n: n == 0))
    def infer(self, data: st.DataObject, failed: bool) -> None:
        cut, generation = self.jobs.pop(data.draw(st.integers(0, len(self.jobs) - 1)))
        self.on_its_way.append(TensorFree(slot=cut.slot, generation=generation))
        if failed:
            self.on_its_way.append(self.abandoned(cut, "failed"))
        else:
            self.looked.append(cut)

    @precondition(lambda self: self.looked)
    @rule(data=st.data(), wants_more=st.booleans(), someone=st.booleans())
    def postprocess(self, data: st.DataObject, wants_more: bool, someone: bool) -> None:
        cut = self.looked.pop(data.draw(st.integers(0, len(self.looked) - 1)))
        frame = cut.frame
        crops = CROPS if someone and cut.network is not WHOLE else []
        if wants_more and cut.network is DETECTOR:
            self.on_its_way.append(AnotherPass(frame=frame, network=POSE.name, crops=CROPS))
        else:
            self.to_publish.append((frame.camera, frame.seq))
            self.on_its_way.append(Done(camera=frame.camera, epoch=frame.epoch, seq=frame.seq, crops=crops))

    @precondition(lambda self: self.on_its_way)
    @rule(data=st.data(), together=st.integers(1, 3))
    def hear(self, data: st.DataObject, together: int) -> None:
        heard = [
            self.on_its_way.pop(data.draw(st.integers(0, len(self.on_its_way) - 1)))
            for _ in range(min(together, len(self.on_its_way)))
        ]
        self.take(*heard)

    @precondition(lambda self: self.to_publish)
    @rule()
    def publish(self) -> None:
        key = self.to_publish.pop(0)
        self.fates.setdefault(key, "published")
        for reader in LANES[key[0]][1]:
            if reader == "publish":
                self.on_its_way.append(self.released(key, reader))
            else:
                self.to_read.append((reader, key))

    @precondition(lambda self: self.to_read)
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        reader, key = self.to_read.pop(data.draw(st.integers(0, len(self.to_read) - 1)))
        self.on_its_way.append(self.released(key, reader))

    @rule(process=st.sampled_from(PROCESSES))
    def lose(self, process: str) -> None:
        if process == "infer":
            self.jobs.clear()
        elif process == "postprocess.0":
            self.looked.clear()
        elif process == "publish":
            self.to_publish.clear()
        elif process.startswith("sink"):
            # Word of a frame under way may have been lost with it, so nobody waits for it: its successor may be late.
            self.unleased |= {(process, (n, seq)) for n, lane in self.state.lanes.items() for seq in lane.flights}
            self.to_read = [(reader, key) for reader, key in self.to_read if reader != process]
        elif process.startswith("capture"):
            self.cameras[process.removeprefix("capture.")].epoch += 1
        self.take(StageLost(process=process))

    @rule(ns=st.integers(1, TIMEOUT_NS))
    def wait(self, ns: int) -> None:
        self.now_ns += ns
        self.take()

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def say_again(self, data: st.DataObject) -> None:
        """What is read late: of frames that are no more in flight, and of tensors that were lent again."""
        old = data.draw(st.sampled_from(self.said))
        if isinstance(old, TensorFree) or old.seq not in self.state.lanes[old.camera].flights:
            self.take(old)

    def abandoned(self, cut: Cut, reason: str) -> Abandoned:
        frame = cut.frame
        return Abandoned(camera=frame.camera, epoch=frame.epoch, seq=frame.seq, after=cut.after, reason=reason)

    def released(self, key: Key, by: str) -> Released:
        return Released(camera=key[0], epoch=self.cameras[key[0]].epoch, seq=key[1], by=by)

    # ---- what always holds

    @invariant()
    def every_tensor_slot_is_free_or_lent(self) -> None:
        assert sorted([*self.state.free, *self.state.lent]) == [0, 1, 2]

    @invariant()
    def every_lease_belongs_to_one_frame_that_waits_or_is_in_flight(self) -> None:
        for name, lane in self.state.lanes.items():
            frames = [*lane.waiting, *(flight.frame for flight in lane.flights.values())]
            assert Counter((f.epoch, f.slot, f.generation) for f in frames) == Counter(self.cameras[name].leases)

    @invariant()
    def where_regions_feed_back_one_frame_is_unfinished(self) -> None:
        for lane in self.state.lanes.values():
            unfinished = [flight for flight in lane.flights.values() if not flight.done]
            assert len(unfinished) <= 1 or not lane.plan.feeds_back

    @invariant()
    def frames_follow_older_ones(self) -> None:
        for lane in self.state.lanes.values():
            for flight in lane.flights.values():
                assert flight.after < flight.frame.seq

    @invariant()
    def nobody_waits_without_need(self) -> None:
        assert not (self.state.free and any(lane.open for lane in self.state.lanes.values()))

    @invariant()
    def nobody_is_late(self) -> None:
        for lane in self.state.lanes.values():
            assert all(f.done or self.now_ns - f.admitted_ns <= TIMEOUT_NS for f in lane.flights.values())

    @invariant()
    def rings_are_left_exactly_when_nothing_lies_in_them(self) -> None:
        for name, lane in self.state.lanes.items():
            frames = [*lane.waiting, *(flight.frame for flight in lane.flights.values())]
            assert (self.cameras[name].left == lane.epoch) == all(frame.epoch == lane.epoch for frame in frames)

    @invariant()
    def every_frame_is_under_way_or_has_a_fate(self) -> None:
        for name, camera in self.cameras.items():
            lane = self.state.lanes[name]
            waiting = {frame.seq for frame in lane.waiting}
            for seq in range(camera.captured):
                under_way = seq in waiting or seq in lane.flights or (name, seq) in self.to_publish
                assert under_way or (name, seq) in self.fates

    def teardown(self) -> None:
        """Everybody goes on to the end: then every lease is back, and every tensor slot."""
        while self.jobs or self.looked or self.to_publish or self.to_read or self.on_its_way:
            while self.to_publish:
                self.publish()
            self.on_its_way += [self.released(key, reader) for reader, key in self.to_read]
            self.on_its_way += [TensorFree(slot=cut.slot, generation=generation) for cut, generation in self.jobs]
            for cut in [*self.looked, *(cut for cut, _ in self.jobs)]:
                frame = cut.frame
                self.to_publish.append((frame.camera, frame.seq))
                self.on_its_way.append(Done(camera=frame.camera, epoch=frame.epoch, seq=frame.seq, crops=[]))
            heard = [*self.on_its_way]
            for waiting in (self.to_read, self.jobs, self.looked, self.on_its_way):
                waiting.clear()
            self.take(*heard)
        for camera in self.cameras.values():
            assert camera.leases == set()
        assert sorted(self.state.free) == [0, 1, 2]


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=200, stateful_step_count=60)
