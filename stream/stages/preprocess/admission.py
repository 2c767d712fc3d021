"""Which frame enters the pipeline when, through which passes it goes, and when its slot is free again.

A lane is what admission knows of one camera. A frame waits in it, is admitted and so in flight, and leaves it when it
is done and everybody who reads its pixels has let go; or it is given up: late, or lost with the process that held it.
Where a plan feeds back, a camera has one unfinished frame at a time, so that the regions of frame N come from N - 1.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from posestream.engines.plan import Plan, Region
from posestream.engines.spec import ModelSpec
from posestream.stream.ipc.messages import (
    Abandoned,
    AnotherPass,
    AnyMessage,
    Credit,
    Done,
    FrameFacts,
    FrameReady,
    Message,
    Released,
    RingsReleased,
    StageLost,
    TensorFree,
)
from posestream.stream.run.topology import SUPERVISOR

RECENT_DONE = 1024  # frames remembered in case publish dies before it sent them: half a minute of a fast camera


@dataclass(frozen=True, slots=True)
class Cut:
    """Fill tensor slot `slot` with the input that `network` wants of the frame: its crops, or all of it.

    `after` and `deadline_ns` are those of TensorsReady.
    """

    frame: FrameFacts
    network: ModelSpec
    crops: tuple[Region, ...]
    after: int
    deadline_ns: int
    slot: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message to a process."""

    to: str
    message: Message


@dataclass(frozen=True, slots=True)
class Drop:
    """Settle the frame as dropped for `reason`."""

    camera: str
    seq: int
    reason: str


Action: TypeAlias = Cut | Send | Drop


@dataclass
class Flight:
    """A frame that was admitted, after frame `after`. `readers` still need its pixels after it is done."""

    frame: FrameFacts
    after: int
    admitted_ns: int
    readers: set[str]
    done: bool = False


@dataclass
class Lane:
    """One camera. `readers` is who reads a frame's pixels beside the stages; `postprocess` is where its frames go.

    `recent_done` are the last frames that left the lane: on their way through publish, or published.
    """

    camera: str
    plan: Plan
    postprocess: str
    readers: tuple[str, ...]
    waiting: deque[FrameFacts] = field(default_factory=deque)
    flights: dict[int, Flight] = field(default_factory=dict)
    admitted: int = 0
    crops: tuple[Region, ...] = ()
    epoch: int = 0
    left_before: int = 0
    recent_done: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT_DONE))

    @property
    def open(self) -> bool:
        """True where the next frame may enter."""
        return bool(self.waiting) and not (self.plan.feeds_back and any(not f.done for f in self.flights.values()))


@dataclass
class AdmissionState:
    """All lanes of a worker, and the slots of its tensor ring: the free ones, and the lent ones with their generation.

    `again` are further passes that wait for a slot; they go before new frames.
    """

    lanes: dict[str, Lane]
    free: list[int]
    timeout_ns: int
    lent: dict[int, int] = field(default_factory=dict)
    again: deque[tuple[Flight, ModelSpec, tuple[Region, ...]]] = field(default_factory=deque)


def step(state: AdmissionState, messages: Iterable[AnyMessage], now_ns: int) -> list[Action]:
    """What to do after these messages: which tensors to cut, whom to tell what, which frames to count as dropped."""
    actions: list[Action] = []
    for message in messages:
        actions += _take_in(state, message)
    for lane in state.lanes.values():
        late = [f for f in lane.flights.values() if not f.done and now_ns - f.admitted_ns > state.timeout_ns]
        actions += [action for flight in late for action in _give_up(lane, flight, "timeout")]
    return actions + _admit(state, now_ns)


def _take_in(state: AdmissionState, message: AnyMessage) -> list[Action]:
    match message:
        case FrameReady(frame=frame):
            lane = state.lanes[frame.camera]
            if frame.epoch < lane.epoch:  # the last word of a capture that died, read after its successor's first
                return [Drop(frame.camera, frame.seq, "stage_lost"), _credit(frame)]
            lane.waiting.append(frame)
            lane.epoch = frame.epoch
            return _leave_rings(lane)
        case AnotherPass(frame=frame):
            lane = state.lanes[frame.camera]
            if (flight := lane.flights.get(frame.seq)) and not flight.done:
                flight.frame = frame  # it has been through a pass: its times are in it
                network = next(n for n in lane.plan.networks if n.name == message.network)
                state.again.append((flight, network, tuple(message.crops)))
        case Done(camera=camera, seq=seq):
            lane = state.lanes[camera]
            if (flight := lane.flights.get(seq)) and not flight.done:
                flight.done = True
                lane.crops = tuple(message.crops)
                return _land(lane, flight)
        case Released(camera=camera, seq=seq, by=by):
            lane = state.lanes[camera]
            if flight := lane.flights.get(seq):
                flight.readers.discard(by)
                return _land(lane, flight)
        case Abandoned(camera=camera, seq=seq, reason=reason):
            lane = state.lanes[camera]
            if (flight := lane.flights.get(seq)) and not flight.done:
                return _give_up(lane, flight, reason)
        case TensorFree(slot=slot, generation=generation):
            if state.lent.get(slot) == generation:
                del state.lent[slot]
                state.free.append(slot)
        case StageLost(process=process):
            return _lose(state, process)
        case _:
            pass
    return []


def _admit(state: AdmissionState, now_ns: int) -> list[Action]:
    """Gives every free tensor slot to a further pass, or else to a new frame, cameras in turn."""
    actions: list[Action] = []
    while state.free and state.again:
        flight, network, crops = state.again.popleft()
        lane = state.lanes[flight.frame.camera]
        if lane.flights.get(flight.frame.seq) is flight:
            actions.append(_cut(state, flight, network, crops))
    while state.free and (lanes := [lane for lane in state.lanes.values() if lane.open]):
        lane = min(lanes, key=lambda each: each.waiting[0].capture_ns)
        frame = lane.waiting.popleft()
        after = max((seq for seq, flight in lane.flights.items() if not flight.done), default=-1)
        flight = lane.flights[frame.seq] = Flight(frame, after, now_ns, set(lane.readers))
        network = lane.plan.first_pass(lane.admitted, followed=bool(lane.crops))
        lane.admitted += 1
        actions.append(_cut(state, flight, network, lane.crops if network is lane.plan.pose else ()))
    return actions


def _cut(state: AdmissionState, flight: Flight, network: ModelSpec, crops: tuple[Region, ...]) -> Cut:
    deadline_ns = flight.admitted_ns + state.timeout_ns
    return Cut(flight.frame, network, crops, flight.after, deadline_ns, state.free.pop(0))


def _land(lane: Lane, flight: Flight) -> list[Action]:
    """Frees the frame's slot, once the frame is done and nobody reads it any more."""
    if not flight.done or flight.readers:
        return []
    del lane.flights[flight.frame.seq]
    lane.recent_done.append(flight.frame.seq)
    return [_credit(flight.frame), *_leave_rings(lane)]


def _give_up(lane: Lane, flight: Flight, reason: str) -> list[Action]:
    """Drops a frame in flight; where its people are not known, the next one looks for them anew."""
    frame = flight.frame
    del lane.flights[frame.seq]
    if not flight.done:
        lane.crops = ()
    told = Abandoned(camera=frame.camera, epoch=frame.epoch, seq=frame.seq, after=flight.after, reason=reason)
    drop = Drop(frame.camera, frame.seq, reason)
    return [drop, Send(lane.postprocess, told), _credit(frame), *_leave_rings(lane)]


def _credit(frame: FrameFacts) -> Send:
    credit = Credit(camera=frame.camera, epoch=frame.epoch, slot=frame.slot, generation=frame.generation)
    return Send(f"capture.{frame.camera}", credit)


def _leave_rings(lane: Lane) -> list[Action]:
    """Says that the rings of older epochs can go, once nothing under way lies in one of them."""
    under_way = [flight.frame for flight in lane.flights.values()] + list(lane.waiting)
    if lane.left_before == lane.epoch or any(frame.epoch < lane.epoch for frame in under_way):
        return []
    lane.left_before = lane.epoch
    return [Send(SUPERVISOR, RingsReleased(camera=lane.camera, epoch=lane.epoch))]


# ---- the loss of a process: what it held of any frame will not come back


def _lose(state: AdmissionState, process: str) -> list[Action]:
    """What follows from the death of a process, in every lane."""
    if process == "infer":
        state.free += state.lent
        state.lent.clear()
    return [action for lane in state.lanes.values() for action in _lose_in(lane, process)]


def _lose_in(lane: Lane, process: str) -> list[Action]:
    if process == "infer":
        return _infer_lost(lane)
    if process == f"capture.{lane.camera}":
        return _capture_lost(lane)
    if process == lane.postprocess:
        return _postprocess_lost(lane)
    if process == "publish":
        return _publish_lost(lane)
    if process in lane.readers:
        return _reader_lost(lane, process)
    return []


def _infer_lost(lane: Lane) -> list[Action]:
    """Its batches are gone: every frame whose passes are not over is dropped."""
    return _drop(lane, [flight for flight in lane.flights.values() if not flight.done])


def _capture_lost(lane: Lane) -> list[Action]:
    """Its successor makes new rings: all frames that lie in the old ones are dropped, waiting or under way."""
    actions: list[Action] = []
    for frame in lane.waiting:
        actions += [Drop(frame.camera, frame.seq, "stage_lost"), _credit(frame)]
    lane.waiting.clear()
    return [*actions, *_leave_rings(lane), *_drop(lane, list(lane.flights.values()))]


def _postprocess_lost(lane: Lane) -> list[Action]:
    """Its successor knows nobody: the crops that follow people go with the frames.

    Frames that are not done here go too: `Done` of them may be on its way, and their poses lost.
    """
    lane.crops = ()
    return [*_drop_unsent(lane), *_drop(lane, list(lane.flights.values()))]


def _publish_lost(lane: Lane) -> list[Action]:
    """Poses that it had not sent died with it; of frames that are not done here they may have been among those."""
    return [*_drop_unsent(lane), *_drop(lane, list(lane.flights.values()))]


def _reader_lost(lane: Lane, reader: str) -> list[Action]:
    """A frame that it was to read may have died with it: nobody waits for it to let go any more."""
    flights = list(lane.flights.values())
    for flight in flights:
        flight.readers.discard(reader)
    return [action for flight in flights for action in _land(lane, flight)]


def _drop(lane: Lane, flights: list[Flight]) -> list[Action]:
    return [action for flight in flights for action in _give_up(lane, flight, "stage_lost")]


def _drop_unsent(lane: Lane) -> list[Action]:
    """Drops the frames that left the lane last. Of those that were sent the ledger keeps that they are published."""
    actions: list[Action] = [Drop(lane.camera, seq, "stage_lost") for seq in lane.recent_done]
    lane.recent_done.clear()
    return actions
