"""capture: takes frames from one camera and, as long as it has credit, writes the newest into its frame ring.

Without credit a frame waits unconverted where it arrived: in `latest` a newer one replaces it, which is counted, in
`every` the source waits. A frame of another size asks the supervisor for a new ring, and begins a new epoch; in `every`
once all frames of the old one came back, so that a folder of photographs does not fill memory with a ring for each.
"""

import contextlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

from posestream.stream.ipc.clock import now_ns, unix_offset_ns
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.messages import (
    AnyMessage,
    Credit,
    FrameFacts,
    FrameReady,
    NewGeometry,
    RingReady,
    SourceState,
    StageLost,
    Start,
    Stop,
)
from posestream.stream.ipc.ring import Ring
from posestream.stream.published import CameraState
from posestream.stream.run.process import Process
from posestream.stream.run.topology import SUPERVISOR, CameraSpec
from posestream.stream.sources import parse
from posestream.stream.sources.feed.events import StateChange
from posestream.stream.sources.feed.feed import Feed
from posestream.stream.sources.source import DecodeError, SourceFrame
from posestream.stream.sources.source_options import source_options
from posestream.stream.stages.capture.frame_queue import FrameQueue

log = logging.getLogger(__name__)

FIRST_FRAME_S = 20.0  # for connecting and the first picture, which waits for a key frame: some cameras send few


@dataclass
class CaptureState:
    """The ring of one epoch, and which of its slots are leased: slot -> generation.

    At most `credits` are leased at a time; the ring has more, and they go round, so that readers outside the pipeline
    find the last frames whole. `behind` are frames that are still leased in rings of earlier epochs: (epoch, slot) ->
    seq.
    """

    camera: str
    ring: Ring
    credits: int
    leased: dict[int, int] = field(default_factory=dict)
    next_slot: int = 0
    behind: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def has_credit(self) -> bool:
        """True where another frame may be written."""
        return len(self.leased) < self.credits

    def release(self, credit: Credit) -> None:
        """A slot came back; one that was leased anew since then is not meant."""
        if credit.epoch != self.ring.layout.epoch:
            self.behind.pop((credit.epoch, credit.slot), None)
        elif self.leased.get(credit.slot) == credit.generation:
            del self.leased[credit.slot]

    def lose(self) -> list[int]:
        """Ends all leases, because who held them died; the numbers of the frames."""
        seqs = list(self.under_way.values())
        self.leased.clear()
        self.behind.clear()
        return seqs

    @property
    def under_way(self) -> dict[tuple[int, int], int]:
        """All frames that are leased, by the epoch and slot in which they lie."""
        epoch = self.ring.layout.epoch
        return self.behind | {(epoch, slot): self.ring.seq(slot) for slot in self.leased}


def step(state: CaptureState, seq: int, frame: SourceFrame, offset_ns: int) -> FrameFacts:
    """Writes frame number `seq` into the next free slot, and leases it; `offset_ns` is wall-clock less monotonic time.

    Raises DecodeError where the frame turns out to be damaged; then nothing is leased.
    """
    slot = state.next_slot
    while slot in state.leased:
        slot = (slot + 1) % state.ring.layout.slots
    frame.write(state.ring.begin(slot))
    state.leased[slot] = generation = state.ring.commit(slot, seq)
    state.next_slot = (slot + 1) % state.ring.layout.slots
    return FrameFacts(
        camera=state.camera,
        epoch=state.ring.layout.epoch,
        seq=seq,
        slot=slot,
        generation=generation,
        width=frame.geometry.width,
        height=frame.geometry.height,
        capture_ns=frame.arrived_ns,
        capture_unix_ns=frame.arrived_ns + offset_ns,
        source_ns=frame.source_ns,
        stamps_ns={},
        busy_ns={},
    )


def main(process: Process) -> None:
    """Runs the stage for the camera that the process is named after."""
    loop = _Loop(process, process.topology.camera(process.instance))
    with contextlib.closing(loop.feed):
        process.watch(loop.feed.fileno())
        process.ready()
        while not loop.stopped:
            messages = process.receive()
            loop.feed.drain()
            for message in messages:
                loop.take_in(message)
            loop.report()
            loop.hand_on()


class _Loop:
    """Between the feed, the ledger and the next stage."""

    def __init__(self, process: Process, camera: CameraSpec) -> None:
        settings = process.topology.config
        self.process = process
        self.camera = camera
        self.to = process.topology.worker("preprocess", camera.name)
        self.feed = Feed(
            parse.maker(parse.parse(camera.source), source_options(settings)),
            camera.policy,
            stall_s=settings.capture.stall_timeout_s,
            open_s=FIRST_FRAME_S,
            backoff_s=settings.capture.reconnect_backoff_s,
            fail_fast=settings.run.fail_fast,
        )
        self.state: CaptureState | None = None
        self.asked: Geometry | None = None
        self.told: SourceState | None = None
        self.stopped = self.finished = False
        # What an earlier life of this process had captured stays captured; what it had under way is lost.
        self.queue = FrameQueue(
            self.feed.take,
            camera.policy,
            before=process.ledger.account(camera.name).captured,
            limit=settings.run.frames if camera.policy == "every" else 0,
        )
        for seq in process.ledger.unsettled(camera.name):
            process.ledger.settle(camera.name, seq, "stage_lost")

    def take_in(self, message: AnyMessage) -> None:
        match message:
            case Start():
                self.feed.start()
            case Credit() if self.state:
                self.state.release(message)
            case RingReady():
                self._change_ring(message)
            case StageLost(process=lost) if lost == self.to and self.state:
                for seq in self.state.lose():
                    self.process.ledger.settle(self.camera.name, seq, "stage_lost")
            case StageLost(process="publish") if self.told:
                self.process.send("publish", self.told)  # its successor has not heard it
            case Stop():
                self.stopped = True
            case _:
                pass

    def report(self) -> None:
        """Counts what arrived, and says when nothing will come any more."""
        ends = self.feed.finished or self.queue.complete  # read first, so that frames that arrive meanwhile are counted
        self._count()
        if ends and not self.finished and self.queue.head is None:
            self.finished = True
            failed = self.feed.failed
            self._tell("lost" if failed else "ended", str(failed or ""), now_ns(), final=True)

    def _count(self) -> None:
        """Counts what arrived, before any of it is settled, and passes on what happened to the source."""
        events = self.feed.events()
        self.process.ledger.count_captured(self.camera.name, self.queue.captured(self.feed.arrived))
        for event in events:
            if isinstance(event, StateChange):
                if event.state != "ended":
                    self._tell(event.state, event.reason, event.at_ns)
            elif self.queue.wanted(seq := self.queue.seq(event.seq)):
                log.warning("dropped a damaged frame: %s", event.reason)
                self.process.ledger.settle(self.camera.name, seq, "undecodable")

    def hand_on(self) -> None:
        """Writes frames, as many as there are and as there is credit for."""
        while (waiting := self._next()) is not None:
            seq, frame = waiting
            if self.state is None or self.state.ring.layout.geometry != frame.geometry:
                if self.camera.policy == "latest" or self.state is None or not self.state.leased:
                    self._ask_ring(frame.geometry)
                return
            if not self.state.has_credit:
                return
            self.queue.pop()
            began_ns = now_ns()
            try:
                facts = step(self.state, seq, frame, unix_offset_ns())
            except DecodeError as error:
                log.warning("dropped a damaged frame: %s", error)
                self.process.ledger.settle(self.camera.name, seq, "undecodable")
                continue
            ended_ns = now_ns()
            self.process.send(self.to, FrameReady(frame=facts.passed("capture", ended_ns, ended_ns - began_ns)))

    def _next(self) -> tuple[int, SourceFrame] | None:
        """The frame to write next. Without credit frames replace one another in the feed, where nothing is copied."""
        if self.state is not None and not self.state.has_credit:
            return self.queue.head
        before, waiting = self.queue.head, self.queue.peek()
        if waiting is not before:
            self._count()  # a frame counts as captured before anything becomes of it
        for seq in self.queue.replaced():
            self.process.ledger.settle(self.camera.name, seq, "replaced")
        return waiting

    def _ask_ring(self, geometry: Geometry) -> None:
        if self.asked != geometry:
            self.asked = geometry
            self.process.send(
                SUPERVISOR,
                NewGeometry(
                    camera=self.camera.name,
                    width=geometry.width,
                    height=geometry.height,
                    pixel_format=geometry.pixel_format,
                ),
            )

    def _change_ring(self, message: RingReady) -> None:
        behind: dict[tuple[int, int], int] = {}
        if self.state is not None:
            behind = self.state.under_way
            self.state.ring.close()
        ring = Ring(Path(message.path), writable=True)
        self.state = CaptureState(self.camera.name, ring, message.credits, behind=behind)
        self.asked = None

    def _tell(self, state: CameraState, reason: str, at_ns: int, *, final: bool = False) -> None:
        self.told = SourceState(camera=self.camera.name, state=state, reason=reason, at_ns=at_ns, final=final)
        for to in ("publish", SUPERVISOR):
            self.process.send(to, self.told)
