"""postprocess: turns outputs into people, gives them identities over time, and says where to look in the next frame."""

import logging
from dataclasses import dataclass, field

import msgspec

from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.stream.ipc.clock import now_ns
from posestream.stream.ipc.messages import (
    Again,
    AnyMessage,
    Done,
    Frame,
    GivenUp,
    OutputFree,
    OutputsReady,
    PosesReady,
    Stop,
)
from posestream.stream.ipc.ring import Ring
from posestream.stream.people import scene
from posestream.stream.people.scene import Look, Scene
from posestream.stream.run.planning import plan_for
from posestream.stream.run.process import Process

log = logging.getLogger(__name__)


@dataclass
class Turn:
    """A frame that is concluded after frame `after`: what was found in it, or None where it was given up."""

    after: int
    frame: Frame | None = None
    poses: Poses | None = None
    regions: tuple[Region, ...] = ()


@dataclass
class State:
    """One camera: its people, the frames that wait for older ones by their seq, and the last one concluded.

    Time goes by the stream's own timestamps where every frame of a file is seen, however fast, and else by arrival.
    """

    scene: Scene
    by_source: bool
    waiting: dict[int, Turn] = field(default_factory=dict)
    concluded: int = -1


def step(state: State, frame: Frame, after: int, look: Look) -> list[Again | Done | PosesReady]:
    """After one pass over a frame: what to say to preprocess and publish, about this frame and those it held up.

    `after` is the seq of the frame that must be concluded before this one, or -1.
    """
    if frame.seq <= state.concluded:
        return []  # it was given up
    found = state.scene.look(frame.seq, look)
    if isinstance(found, scene.Again):
        return [Again(frame=frame, network=found.network, crops=list(found.regions))]
    return _conclude(state, frame.seq, Turn(after, frame, found, look.regions))


def give_up(state: State, message: GivenUp) -> list[Again | Done | PosesReady]:
    """Preprocess gave a frame up: those behind it need not wait for it."""
    state.scene.forget(message.seq)
    if message.seq <= state.concluded:
        return []
    return _conclude(state, message.seq, Turn(message.after))


def _conclude(state: State, seq: int, turn: Turn) -> list[Again | Done | PosesReady]:
    """Adds frame `seq` to those that wait, and concludes all whose turn it is.

    No frame between the one before it and itself was under way when it was admitted: what still waits there waits for
    a frame that died with preprocess, and would hold everybody up for ever.
    """
    for stale in [waiting for waiting in state.waiting if turn.after < waiting < seq]:
        del state.waiting[stale]
    state.waiting[seq] = turn
    said: list[Again | Done | PosesReady] = []
    while state.waiting and state.waiting[first := min(state.waiting)].after <= state.concluded:
        turn = state.waiting.pop(first)
        state.concluded = first
        if turn.frame is not None and turn.poses is not None:
            said += _say(state, turn.frame, turn.poses, turn.regions)
    return said


def _say(state: State, frame: Frame, poses: Poses, regions: tuple[Region, ...]) -> list[Again | Done | PosesReady]:
    at_ns = frame.source_ns if state.by_source and frame.source_ns is not None else frame.capture_ns
    conclusion = state.scene.conclude(frame.seq, poses, regions, at_ns)
    return [
        Done(camera=frame.camera, epoch=frame.epoch, seq=frame.seq, crops=list(conclusion.regions)),
        PosesReady(frame=frame, people=conclusion.people),
    ]


def main(process: Process) -> None:
    """Runs the stage."""
    loop = _Loop(process)
    process.ready()
    stopped = False
    while not stopped:
        for message in process.receive():
            loop.take_in(message)
            stopped = stopped or isinstance(message, Stop)


class _Loop:
    """Between the output ring and the other stages."""

    def __init__(self, process: Process) -> None:
        topology = process.topology
        self.process = process
        self.outputs = Ring(topology.output_ring(process.name), writable=False)
        self.states = {
            camera.name: State(
                Scene(plan_for(topology.config, camera), topology.config, stills=camera.stills),
                by_source=camera.policy == "every",
            )
            for camera in topology.cameras_of(process.name)
        }
        self.networks = {network.name: network for network in plan_for(topology.config).networks}

    def take_in(self, message: AnyMessage) -> None:
        match message:
            case OutputsReady():
                self._look(message)
            case GivenUp(camera=camera):
                self._send(give_up(self.states[camera], message), now_ns(), 0)
            case _:
                pass

    def _look(self, message: OutputsReady) -> None:
        began_ns = now_ns()
        state, network = self.states[message.frame.camera], self.networks[message.network]
        slot, generation = message.output_slot, message.output_generation
        said: list[Again | Done | PosesReady] = []
        # Where infer died and its successor writes over the slot, preprocess has given the frame up: should that happen
        # while the outputs are read, publish will not send what was made of them.
        if self.outputs.intact(slot, generation):
            dtypes = ["float32"] if message.decoded else [output.dtype for output in network.outputs]
            outputs = self.outputs.arrays(slot, dtypes, message.shapes)
            size_hw = network.input.image_hw(message.input_shape)
            look = Look(network.name, tuple(message.crops), size_hw, outputs, message.decoded)
            said = step(state, message.frame, message.after, look)
        self._send(said, now_ns(), now_ns() - began_ns)
        self.process.send("infer", OutputFree(worker=self.process.name, slot=slot, generation=generation))

    def _send(self, said: list[Again | Done | PosesReady], at_ns: int, busy_ns: int) -> None:
        for message in said:
            if isinstance(message, Done):
                self.process.send(self.process.topology.worker("preprocess", message.camera), message)
                continue
            frame = message.frame.passed(self.process.stage, at_ns, busy_ns)
            to = (
                "publish"
                if isinstance(message, PosesReady)
                else self.process.topology.worker("preprocess", frame.camera)
            )
            self.process.send(to, msgspec.structs.replace(message, frame=frame))
