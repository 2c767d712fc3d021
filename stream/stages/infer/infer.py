"""infer: owns the device. Runs the networks on the batches that wait, of all cameras, oldest first.

What moves pixels and numbers is in `stream.stages.infer.runner`; here is decided what runs when.
"""

import bisect
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from posestream.engines.exceptions import BackendError, DeviceLostError, NoRoomError
from posestream.stream.errors import DeviceFailedError
from posestream.stream.ipc.clock import now_ns
from posestream.stream.ipc.messages import (
    Abandoned,
    AnyMessage,
    OutputFree,
    OutputsReady,
    StageLost,
    Stop,
    TensorFree,
    TensorsReady,
)
from posestream.stream.run.process import Process
from posestream.stream.stages.infer.runner import Networks, Room

log = logging.getLogger(__name__)

LONG_NS = 1_000_000_000


@dataclass
class InferState:
    """Jobs that wait, and for each postprocess worker the slots of its output ring.

    Those of the frames admitted first come first: where there is more to do than time, a frame that has been through
    one pass must not queue for the next one behind all others, or none comes to its end.

    `free` are the slots that may be written, `lent` those being read, with their generation.
    """

    free: dict[str, list[int]]
    jobs: list[TensorsReady] = field(default_factory=list)
    lent: dict[tuple[str, int], int] = field(default_factory=dict)


def take_in(state: InferState, message: AnyMessage) -> None:
    """Notes a job, or an output slot that came back."""
    match message:
        case TensorsReady():
            bisect.insort(state.jobs, message, key=_deadline_ns)
        case OutputFree(worker=worker, slot=slot, generation=generation):
            if state.lent.get((worker, slot)) == generation:
                del state.lent[worker, slot]
                state.free[worker].append(slot)
        case StageLost(process=worker) if worker in state.free:
            returned = [slot for lent, slot in state.lent if lent == worker]
            state.free[worker] += returned
            for slot in returned:
                del state.lent[worker, slot]
        case _:
            pass


def late_jobs(state: InferState, now_ns: int) -> list[TensorsReady]:
    """Takes out the jobs whose frames were given up while they waited.

    Where there is more to do than time, running them would make those behind them late as well, and none be in time.
    """
    count = bisect.bisect_left(state.jobs, now_ns, key=_deadline_ns)
    late, state.jobs = state.jobs[:count], state.jobs[count:]
    return late


def next_jobs(state: InferState, workers: Mapping[str, str], together: int) -> list[tuple[TensorsReady, int]]:
    """Takes the oldest job that has an output slot, and up to `together` in all for the same network, with their slots.

    `workers` maps each camera to its postprocess worker.
    """
    chosen: list[tuple[TensorsReady, int]] = []
    for job in list(state.jobs):
        slots = state.free[workers[job.frame.camera]]
        if slots and (not chosen or job.network == chosen[0][0].network):
            chosen.append((job, slots.pop(0)))
            state.jobs.remove(job)
        if len(chosen) == together:
            break
    return chosen


def _deadline_ns(job: TensorsReady) -> int:
    return job.deadline_ns


def are_numbers(outputs: Sequence[np.ndarray]) -> bool:
    """False where a network overflowed, as it may in half precision: nothing of that is to be published."""
    return all(bool(np.isfinite(output).all()) for output in outputs)


@dataclass
class Pace:
    """How long the last call of each kind took: a network over so many images of a size."""

    taken_ns: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)
    warned: set[str] = field(default_factory=set)

    def may_be_long(self, network: str, shape: tuple[int, ...]) -> bool:
        """True where the next call may take so long that the supervisor must not wait for a beat meanwhile."""
        return self.taken_ns.get((network, shape), LONG_NS) >= LONG_NS

    def note(
        self, network: str, shape: tuple[int, ...], taken_ns: int, timeout_ns: int, *, compiled: bool = True
    ) -> bool:
        """Notes a call; True, once for a network, where it alone took longer than a frame may take in all.

        Where the network was not `compiled` before, a first call does it, and says nothing about those to come.
        """
        compiles = not compiled and (network, shape) not in self.taken_ns
        self.taken_ns[network, shape] = taken_ns
        if compiles or taken_ns <= timeout_ns or network in self.warned:
            return False
        self.warned.add(network)
        return True


def main(process: Process) -> None:
    """Runs the stage. Raises DeviceFailedError."""
    try:
        _run(process)
    except DeviceLostError as error:
        raise DeviceFailedError(str(error)) from error


def _run(process: Process) -> None:
    loop = _Loop(process)
    backends = loop.networks.backends
    about = "; ".join(f"{name} on {backend.device}" for name, backend in backends.items())
    process.ready(about, on_gpu=any(backend.on_gpu for backend in backends.values()))
    ran = stopped = False
    while not stopped:
        for message in process.receive(0 if ran else 200):
            take_in(loop.state, message)
            stopped = stopped or isinstance(message, Stop)
        ran = not stopped and loop.run()
    loop.networks.close()


class _Loop:
    """Between what waits, the networks and the other stages."""

    def __init__(self, process: Process) -> None:
        topology = process.topology
        self.process = process
        self.networks = Networks(topology, partial(process.busy, on_gpu=True))
        self.workers = {camera: topology.worker("postprocess", camera) for camera in topology.camera_names}
        self.pace = Pace()
        self.timeout_ns = topology.config.run.in_flight_timeout_ms * 1_000_000
        slots = {worker: list(range(ring.layout.slots)) for worker, ring in self.networks.outputs.items()}
        self.state = InferState(slots)

    def run(self) -> bool:
        """One call of one network, over as many jobs as it gains from. False where no job waits, or none has a slot."""
        for job in late_jobs(self.state, now_ns()):
            self._free(job)
        if not self.state.jobs:
            return False
        backends = self.networks.backends
        jobs = next_jobs(self.state, self.workers, backends[self.state.jobs[0].network].preferred_batch)
        if jobs:
            self._run(jobs)
        return bool(jobs)

    def _run(self, jobs: list[tuple[TensorsReady, int]]) -> None:
        network, together = jobs[0][0].network, tuple(job.shape for job, _ in jobs)
        shape = (sum(each[0] for each in together), *together[0][1:])
        if self.pace.may_be_long(network, shape):
            self.process.busy()
        began_ns = now_ns()
        rooms = [self.networks.room(job, self.workers[job.frame.camera], slot) for job, slot in jobs]
        failure = ""
        try:
            self.networks.run(network, [job for job, _ in jobs], rooms)
        except (DeviceLostError, NoRoomError) as error:
            raise DeviceFailedError(str(error)) from error
        except BackendError as error:
            failure = "failed"
            log.error("dropped %d frames: %s", len(jobs), error)
        ended_ns = now_ns()
        compiled = self.networks.backends[network].spec.input.size_hw is not None
        if self.pace.note(network, shape, ended_ns - began_ns, self.timeout_ns, compiled=compiled):
            log.warning(
                "%s takes %.0f s for %d images, and a frame is dropped after %.0f s: raise run.in_flight_timeout_ms, "
                "or lower run.max_people",
                network, (ended_ns - began_ns) / 1e9, shape[0], self.timeout_ns / 1e9,
            )  # fmt: skip
        for (job, _), room in zip(jobs, rooms, strict=True):
            flaw = failure
            if not flaw and not are_numbers(room.arrays):
                flaw = "failed"
                log.error("%s: dropped a frame: %s made no finite numbers of it", job.frame.camera, job.network)
            self._hand_on(job, room, flaw, ended_ns, (ended_ns - began_ns) // len(jobs))

    def _hand_on(self, job: TensorsReady, room: Room, flaw: str, at_ns: int, busy_ns: int) -> None:
        whole = self.networks.intact(job)
        generation = self.networks.outputs[room.worker].commit(room.slot, job.frame.seq)
        if flaw or not whole:
            self.state.free[room.worker].append(room.slot)
            frame, reason = job.frame, flaw or "torn"
            abandoned = Abandoned(camera=frame.camera, epoch=frame.epoch, seq=frame.seq, after=job.after, reason=reason)
            self.process.send(job.worker, abandoned)
            self._free(job)
            return
        self.state.lent[room.worker, room.slot] = generation
        self.process.send(
            room.worker,
            OutputsReady(
                frame=job.frame.passed("infer", at_ns, busy_ns),
                network=job.network,
                after=job.after,
                worker=job.worker,
                output_slot=room.slot,
                output_generation=generation,
                input_shape=job.shape,
                shapes=[array.shape for array in room.arrays],
                crops=job.crops,
                decoded=room.decoded,
            ),
        )
        self._free(job)  # last: it wakes a process that nobody waits for

    def _free(self, job: TensorsReady) -> None:
        """Says that the job's tensors are not needed any more."""
        self.process.send(job.worker, TensorFree(slot=job.tensor_slot, generation=job.tensor_generation))
