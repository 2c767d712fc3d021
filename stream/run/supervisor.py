"""The supervisor: starts the processes of a run, watches their heartbeats, restarts them, stops them in order.

It alone creates and unlinks shared memory. It ends the run when every camera has delivered its last frame and none is
in flight, when the user stops it, or when a failure cannot be repaired by a restart.
"""

import logging
from collections.abc import Callable

import zmq

from posestream.stream.errors import RunError
from posestream.stream.ipc.clock import now_ns
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.ledger import Account, Ledger
from posestream.stream.ipc.messages import (
    AnyMessage,
    Failed,
    Heartbeat,
    Message,
    NewGeometry,
    Ready,
    RingReady,
    RingsReleased,
    SourceState,
    StageLost,
    Start,
    Stop,
)
from posestream.stream.ipc.ring import Layout, Ring
from posestream.stream.ipc.sockets import Inbox, Outboxes
from posestream.stream.run.capacity import SPARE_SLOTS, frames_under_way, output_bytes, slots_of, tensor_bytes
from posestream.stream.run.child import Child
from posestream.stream.run.gpu_fallback import Fallback
from posestream.stream.run.planning import plan_for
from posestream.stream.run.restart_budget import Budget
from posestream.stream.run.topology import SUPERVISOR, Topology

log = logging.getLogger(__name__)

WATCH_EVERY_MS = 50
STOP_S = 1.3  # for all processes to exit when the user stops the run; then they are killed
FINISH_S = 60.0  # for the sinks to finish their files when the run ends by itself
STAGES_SHARE = 0.6  # of that time; the rest is left to publish and the sinks if a stage hangs
PAUSE_NS = 1_000_000_000  # between two checks: the supervisor itself was stopped (Ctrl-Z), or its machine was


class ProcessFailedError(RunError):
    """A process reported that it cannot go on; its exit code becomes that of the run."""

    def __init__(self, reason: str, exit_code: int) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


class Supervisor:
    """One run, from its first process to its last."""

    def __init__(self, topology: Topology) -> None:
        """Makes the ledger and the rings of the stages. Raises RunError where shared memory has no room."""
        self.topology = topology
        settings = topology.config.supervisor
        self.children = {name: Child(name, Budget(settings)) for name in topology.processes}
        self.states: dict[str, SourceState] = {}
        self.ledger = Ledger.create(topology.ledger, topology.camera_names)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._inbox = Inbox(self._context, topology.endpoints[SUPERVISOR])
        self._outboxes = Outboxes(self._context, topology.endpoints)
        self._epochs: dict[str, int] = {}
        self._oldest_epochs: dict[str, int] = {}  # whose ring is not unlinked yet
        self._fallback = Fallback()
        self._last_watch_ns = now_ns()
        self._last_progress: dict[str, tuple[int, int]] = {}  # of an ended camera: frames settled, and when, ns
        self._make_stage_rings()

    # ---- the run

    def run(self, on_tick: Callable[["Supervisor"], bool]) -> None:
        """Runs to the end. `on_tick` is called some twenty times a second; it returns False to stop the run.

        Raises RunError where the run cannot go on or a camera has failed for good, after all processes have stopped.
        """
        finished = False
        try:
            for child in sorted(self.children.values(), key=lambda child: child.name != "infer"):  # the slowest first
                child.start(self.topology, now_ns())
            while not (finished := self.over) and on_tick(self):
                self._inbox.socket.poll(WATCH_EVERY_MS)
                for message in self._inbox.drain():
                    self._handle(message)
                self._start_sources()
                self._watch(now_ns())
        finally:
            self._stop(FINISH_S if finished else STOP_S)
        failed = [state for state in self.states.values() if state.final and state.state == "lost"]
        if failed:
            raise RunError("; ".join(f"{state.camera}: {state.reason}" for state in failed))

    @property
    def running(self) -> bool:
        """True once every process is ready."""
        return all(child.ready for child in self.children.values())

    @property
    def over(self) -> bool:
        """True when each camera has published its last frame, or `run.frames` of them."""
        limit = self.topology.config.run.frames
        return all(self._camera_done(camera, self.account(camera), limit) for camera in self.topology.camera_names)

    def account(self, camera: str) -> Account:
        """The balance of a camera."""
        return self.ledger.account(camera)

    def close(self) -> None:
        """Closes sockets and the ledger. The run's folder belongs to the caller."""
        self._context.destroy(linger=0)
        self.ledger.close()

    # ---- its parts

    def _make_stage_rings(self) -> None:
        topology = self.topology
        plan = plan_for(topology.config)
        sizes = [(topology.tensor_ring, "preprocess", tensor_bytes(plan, topology.config.preprocess.device))]
        sizes += [(topology.output_ring, "postprocess", output_bytes(plan))]
        for path_of, stage, slot_bytes in sizes:
            for worker in topology.workers(stage):
                slots = slots_of(len(topology.cameras_of(worker)), topology.config)
                Ring.create(path_of(worker), Layout(slots, slot_bytes)).close()

    def _handle(self, message: AnyMessage) -> None:
        match message:
            case Ready(process=name):
                child = self.children[name]
                if child.description and child.description != message.description:
                    log.warning("%s runs again: %s", name, message.description)
                child.ready, child.description, child.last_heartbeat_ns = True, message.description, now_ns()
                child.on_gpu, child.tries_gpu = message.on_gpu, False
                child.budget.ready(now_ns())
                if name == "publish":
                    self.topology = self.topology.with_publish_endpoint(message.description)
            case Heartbeat(process=name, busy=busy, on_gpu=on_gpu):
                child = self.children[name]
                child.last_heartbeat_ns, child.busy, child.tries_gpu = now_ns(), busy, child.tries_gpu or on_gpu
            case Failed(process=name):
                self.children[name].failure = message
                if not (self.children[name].on_gpu and self.topology.config.infer.fallback):
                    raise ProcessFailedError(message.reason, message.exit_code)
                log.error("%s", message.reason)  # it ran on the GPU before: `_restart` asks the fallback
            case NewGeometry(camera=camera):
                self._make_frame_ring(camera, Geometry(message.width, message.height, message.pixel_format))
            case RingsReleased(camera=camera, epoch=epoch):
                for old in range(self._oldest_epochs.get(camera, 0), epoch):
                    self.topology.frame_ring(camera, old).unlink(missing_ok=True)
                self._oldest_epochs[camera] = epoch
            case SourceState():
                self._note_state(message)
            case _:
                pass

    def _note_state(self, state: SourceState) -> None:
        self.states[state.camera] = state
        log.info("%s: %s%s", state.camera, state.state, f" ({state.reason})" if state.reason else "")
        if state.final and state.state == "lost" and self.topology.config.run.fail_fast:
            raise RunError(f"{state.camera}: {state.reason}")

    def _start_sources(self) -> None:
        """Sends Start to each ready capture, once all other processes are ready for frames."""
        captures = {f"capture.{camera}" for camera in self.topology.camera_names}
        if all(child.ready for name, child in self.children.items() if name not in captures):
            for name in captures:
                child = self.children[name]
                if child.ready and not child.source_started:
                    child.source_started = True
                    self._send(name, Start())

    def _make_frame_ring(self, camera: str, geometry: Geometry) -> None:
        """Begins an epoch of the camera: creates a ring for that geometry and sends it to the capture."""
        epoch = self._epochs[camera] = self._epochs.get(camera, -1) + 1
        spec = self.topology.camera(camera)
        under_way = frames_under_way(plan_for(self.topology.config, spec), spec)
        path = self.topology.frame_ring(camera, epoch)
        Ring.create(path, Layout(under_way + SPARE_SLOTS, geometry.nbytes, epoch, geometry)).close()
        self._send(f"capture.{camera}", RingReady(camera=camera, epoch=epoch, path=str(path), credits=under_way))

    def _watch(self, now: int) -> None:
        """Restarts processes that have died, and kills those whose heartbeat is overdue."""
        settings = self.topology.config.supervisor
        paused, self._last_watch_ns = now - self._last_watch_ns > PAUSE_NS, now
        for child in self.children.values():
            if paused:
                child.last_heartbeat_ns = now  # its heartbeats of that time may not be read yet
            patience_s = settings.beat_timeout_s if child.ready and not child.busy else settings.ready_timeout_s
            if not child.ended() and now - child.last_heartbeat_ns > patience_s * 1e9:
                log.error("%s sent no heartbeat for %.0f s: killed", child.name, patience_s)
                child.kill()
            if child.ended():
                self._restart(child, now)

    def _restart(self, child: Child, now: int) -> None:
        child.collect()
        self._read_failures()
        assert child.popen is not None
        if not child.budget.spend(now):
            if child.failure is not None:
                raise ProcessFailedError(child.failure.reason, child.failure.exit_code)
            last = next((line for line in reversed(child.log_tail) if line.strip()), "none")
            raise RunError(f"{child.name} failed too often (exit code {child.popen.returncode}); its last line: {last}")
        log.warning("%s died (exit code %d): restarted", child.name, child.popen.returncode)
        for other in self.children.values():
            if other is not child:
                self._send(other.name, StageLost(process=child.name))
        if child.on_gpu or child.tries_gpu:
            self.topology = self._fallback.after(self.topology, now)
            child.on_gpu = self.topology.expects_gpu
        child.start(self.topology, now)

    def _read_failures(self) -> None:
        """Reads the Failed message that a process sends before it exits: its reason goes before the exit code."""
        for message in self._inbox.drain():
            self._handle(message)

    def _camera_done(self, camera: str, account: Account, limit: int) -> bool:
        if limit and account.published >= limit:
            return True
        state = self.states.get(camera)
        if state is None or not state.final:
            return False
        return account.in_flight == 0 or self._rest_timed_out(camera, account)

    def _rest_timed_out(self, camera: str, account: Account) -> bool:
        """True once an ended camera has settled no frame for twice a frame's timeout; the rest is then dropped."""
        now, moved = now_ns(), account.published + account.dropped
        last_moved, since = self._last_progress.get(camera, (-1, now))
        if moved != last_moved:
            self._last_progress[camera] = (moved, now)
        elif now - since > 2 * self.topology.config.run.in_flight_timeout_ms * 1_000_000:
            self._settle_rest(camera, "timeout")
            return True
        return False

    def _settle_rest(self, camera: str, reason: str) -> None:
        for seq in self.ledger.unsettled(camera):
            self.ledger.settle(camera, seq, reason)

    def _stop(self, patience_s: float) -> None:
        """Stops the stages, then publish after its last messages, then the sinks after writing them."""
        began_ns = now_ns()
        last = ("publish", *self.topology.sink_names)
        stages = [child for child in self.children.values() if child.name not in last]
        for group in (stages, *([self.children[name]] for name in last)):
            started = [child for child in group if child.popen is not None]
            share = STAGES_SHARE if group is stages else 1.0
            deadline_ns = began_ns + int(share * patience_s * 1e9)
            for child in started:
                self._send(child.name, Stop())
            for child in started:
                if not child.wait((deadline_ns - now_ns()) / 1e9):
                    log.warning("%s did not stop: killed", child.name)
                    child.kill()
                child.collect()
        for camera in self.topology.camera_names:
            self._settle_rest(camera, "stopped")

    def _send(self, to: str, message: Message) -> None:
        self._outboxes.send(to, message)
