"""postprocess: turns outputs into people, gives them identities over time, and says where to look in the next frame."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.stream.ipc.clock import now_ns
from posestream.stream.ipc.messages import (
    Abandoned,
    AnotherPass,
    AnyMessage,
    Done,
    FrameFacts,
    OutputFree,
    OutputsReady,
    PosesReady,
    Stop,
)
from posestream.stream.ipc.ring import Ring
from posestream.stream.people.scene import NextPass, PassResult, Scene
from posestream.stream.run.planning import plan_for
from posestream.stream.run.process import Process
from posestream.stream.stages.postprocess.reorder_buffer import ReorderBuffer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Posed:
    """A frame whose passes are over: the poses that were found in it, and in which regions."""

    frame: FrameFacts
    poses: Poses
    regions: tuple[Region, ...]


@dataclass
class PostprocessState:
    """One camera: its people, and the frames that wait for older ones; None stands for one that was given up.

    Time goes by the stream's own timestamps where every frame of a file is seen, however fast, and else by arrival.
    """

    scene: Scene
    by_source: bool
    order: ReorderBuffer[Posed | None] = field(default_factory=ReorderBuffer)


def step(
    state: PostprocessState, frame: FrameFacts, after: int, look: PassResult
) -> list[AnotherPass | Done | PosesReady]:
    """The messages to preprocess and publish after one pass over a frame, about it and about those it held up.

    `after` is the seq of the frame that must be concluded before this one, or -1.
    """
    if frame.seq <= state.order.last:
        return []  # it was given up
    found = state.scene.after_pass(frame.seq, look)
    if isinstance(found, NextPass):
        return [AnotherPass(frame=frame, network=found.network, crops=list(found.regions))]
    return _conclude_all(state, state.order.push(frame.seq, after, Posed(frame, found, look.regions)))


def give_up(state: PostprocessState, message: Abandoned) -> list[AnotherPass | Done | PosesReady]:
    """The messages about the frames that waited for one that preprocess gave up."""
    state.scene.forget(message.seq)
    if message.seq <= state.order.last:
        return []
    return _conclude_all(state, state.order.push(message.seq, message.after, None))


def _conclude_all(state: PostprocessState, in_order: Sequence[Posed | None]) -> list[AnotherPass | Done | PosesReady]:
    return [message for posed in in_order if posed is not None for message in _conclude(state, posed)]


def _conclude(state: PostprocessState, posed: Posed) -> list[AnotherPass | Done | PosesReady]:
    frame = posed.frame
    at_ns = frame.source_ns if state.by_source and frame.source_ns is not None else frame.capture_ns
    conclusion = state.scene.conclude(frame.seq, posed.poses, posed.regions, at_ns)
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
            camera.name: PostprocessState(
                Scene(plan_for(topology.config, camera), topology.config, independent_images=camera.independent_images),
                by_source=camera.policy == "every",
            )
            for camera in topology.cameras_of(process.name)
        }
        self.networks = {network.name: network for network in plan_for(topology.config).networks}

    def take_in(self, message: AnyMessage) -> None:
        match message:
            case OutputsReady():
                self._look(message)
            case Abandoned(camera=camera):
                self._send(give_up(self.states[camera], message), now_ns(), 0)
            case _:
                pass

    def _look(self, message: OutputsReady) -> None:
        began_ns = now_ns()
        state, network = self.states[message.frame.camera], self.networks[message.network]
        slot, generation = message.output_slot, message.output_generation
        said: list[AnotherPass | Done | PosesReady] = []
        # Where infer died and its successor writes over the slot, preprocess has given the frame up: should that happen
        # while the outputs are read, publish will not send what was made of them.
        if self.outputs.intact(slot, generation):
            dtypes = ["float32"] if message.decoded else [output.dtype for output in network.outputs]
            outputs = self.outputs.arrays(slot, dtypes, message.shapes)
            size_hw = network.input.image_hw(message.input_shape)
            look = PassResult(network.name, tuple(message.crops), size_hw, outputs, message.decoded)
            said = step(state, message.frame, message.after, look)
        self._send(said, now_ns(), now_ns() - began_ns)
        self.process.send("infer", OutputFree(worker=self.process.name, slot=slot, generation=generation))

    def _send(self, said: list[AnotherPass | Done | PosesReady], at_ns: int, busy_ns: int) -> None:
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
