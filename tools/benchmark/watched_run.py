"""A real run, supervisor and processes, of the demo or of files, watched from outside.

In `latest` the benchmark is a sink of the run: publish sends it each frame's facts, with the time for which each stage
worked on it, once the frame is published, and waits for nothing. In `every`, where a run waits for its sinks, it is a
subscriber, and knows the stages' work from the ledger. Nothing of the run is changed for either.
"""

import contextlib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import zmq

from posestream.engines.progress import no_progress
from posestream.stream import config
from posestream.stream.errors import RunError
from posestream.stream.ipc import sockets
from posestream.stream.ipc.clock import now_ns
from posestream.stream.ipc.ledger import Account
from posestream.stream.ipc.messages import Sample
from posestream.stream.ipc.sockets import Inbox
from posestream.stream.published import pose_decoder
from posestream.stream.run import run_folder
from posestream.stream.run.supervisor import Supervisor
from posestream.stream.run.topology import SUPERVISOR, CameraSpec, Topology
from posestream.stream.run.weights import network_files
from posestream.stream.sources.source import Policy
from tools.benchmark.host import process_cpu_s
from tools.benchmark.observation import Observation, Passed

_Number = TypeVar("_Number", int, float)
CAMERA, SINK = "cam0", "sink.0"
QUIET = {"page.address": "off", "publish.endpoint": "tcp://127.0.0.1:*"}


class Watched(Topology, frozen=True, kw_only=True):
    """A topology whose sink, if it has one, is the benchmark and no process: only the supervisor is shown this."""

    @property
    def sink_names(self) -> tuple[str, ...]:
        """None that the supervisor must start; the processes, who get a plain Topology, see them all."""
        return ()


@contextlib.contextmanager
def watched(sources: Mapping[str, str], policy: Policy, settings: Mapping[str, Any]) -> Iterator[Watched]:
    """The topology of a run of cameras, by name, in a folder that is removed at the end.

    Settings are the packaged ones but for those given: ./posestream.toml is the user's, and no part of what is
    measured.
    """
    loaded = config.load(Path(os.devnull), {**QUIET, **settings})
    if loaded.run.random_weights:
        loaded = config.unfiltered(loaded)  # as `posestream run` does
    cameras = tuple(
        CameraSpec(name=name, source=source, policy=policy, independent_images=False)
        for name, source in sources.items()
    )
    with run_folder.open_run_dir() as folder:
        bare = Watched(
            run_dir=str(folder),
            config=loaded,
            cameras=cameras,
            networks=network_files(loaded, no_progress),
            endpoints={},
            sinks=("benchmark",) if policy == "latest" else (),
        )
        names = (*bare.processes, SINK, SUPERVISOR, "published")
        yield msgspec.structs.replace(bare, endpoints=sockets.endpoints(names, folder))


def observe(
    source: str | Mapping[str, str],
    policy: Policy,
    *,
    warm_up: int,
    frames: int,
    settings: Mapping[str, Any],
    look: Callable[[], float] = lambda: 0.0,
    look_every: int = 0,
    limit_s: float = math.inf,
) -> Observation:
    """Runs one source, or several by their cameras' names, until `frames` were published after the first `warm_up`.

    Counts are of all cameras together; the warm-up lasts until each of them has published a frame. `look` is called at
    the beginning and at the end of the stretch, and where `look_every` is given after so many frames each. Raises
    UserError, RunError too where it takes longer than `limit_s`.
    """
    sources = {CAMERA: source} if isinstance(source, str) else source
    stretch = _Stretch(warm_up, frames, look, look_every, limit_s)
    with watched(sources, policy, settings) as topology, _receiver(topology) as receive:
        return _Watch(topology, receive, stretch).run()


@contextlib.contextmanager
def _receiver(topology: Watched) -> Iterator[Callable[[], list[Passed]]]:
    """What returns the frames published since it was last called."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        if topology.sinks:
            inbox = Inbox(context, topology.endpoints[SINK])
            yield lambda: [_passed(m.payload, m.frame.busy_ns) for m in inbox.drain() if isinstance(m, Sample)]
        else:
            socket = context.socket(zmq.SUB)
            socket.set_hwm(0)
            socket.subscribe(b"pose.")
            socket.connect(topology.published)
            yield lambda: [_passed(payload, {}) for payload in _drained(socket)]
    finally:
        context.destroy(linger=0)


def _drained(socket: "zmq.Socket[bytes]") -> Iterator[bytes]:
    while socket.poll(0):
        _, payload = socket.recv_multipart()
        yield payload


def _passed(payload: bytes, busy_ns: Mapping[str, int]) -> Passed:
    message = pose_decoder.decode(payload)
    return Passed(message.camera, message.seq, len(message.people), message.capture_ns, message.stamps_ns, busy_ns)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What of a run is watched."""

    warm_up: int
    frames: int
    look: Callable[[], float]
    look_every: int
    limit_s: float


class _Moment(NamedTuple):
    """Where a run stands."""

    at_ns: int
    account: Account
    cpu_s: Mapping[str, float]
    busy_ms: Mapping[str, float]

    @classmethod
    def now(cls, run: Supervisor, cameras: Sequence[str]) -> "_Moment":
        accounts = [run.account(camera) for camera in cameras]
        drops = _sums([account.drops for account in accounts])
        captured, published, people = (
            sum(getattr(account, name) for account in accounts) for name in ("captured", "published", "people")
        )
        busy_ms = _sums([run.ledger.busy_ms(camera) for camera in cameras])
        account = Account(captured, published, drops, people)
        return cls(now_ns(), account, _cpu_s(run), busy_ms)


class _Watch:
    """Takes in what publish says while the supervisor runs."""

    def __init__(self, topology: Watched, receive: Callable[[], list[Passed]], stretch: _Stretch) -> None:
        self.supervisor = Supervisor(topology)
        self.cameras = topology.camera_names
        self.receive, self.stretch = receive, stretch
        self.began_ns = now_ns()
        self.warming = 0  # frames that came before the measured stretch
        self.silent = set(self.cameras)  # cameras that have not published yet
        self.passed: list[Passed] = []
        self.looked: list[float] = []
        self.before: _Moment | None = None
        self.after: _Moment | None = None

    def run(self) -> Observation:
        try:
            self.supervisor.run(self._goes_on)
        finally:
            self.supervisor.close()
        if self.before is None or self.after is None:
            wanted = self.stretch.warm_up + self.stretch.frames
            raise RunError(f"the source ended before {wanted} frames were published")
        before, after = self.before, self.after
        frames = max(after.account.published - before.account.published, 1)
        infer = self.supervisor.children["infer"]
        return Observation(
            self.passed,
            before.account,
            after.account,
            (after.at_ns - before.at_ns) / 1e9,
            {name: used_s - before.cpu_s.get(name, 0.0) for name, used_s in after.cpu_s.items()},
            {stage: (busy_ms - before.busy_ms[stage]) / frames for stage, busy_ms in after.busy_ms.items()},
            self.looked,
            infer.description,
            [line.partition(": ")[2] for line in infer.log_tail if line.startswith("WARNING")],
        )

    def _goes_on(self, run: Supervisor) -> bool:
        new = self.receive()
        if (now_ns() - self.began_ns) / 1e9 > self.stretch.limit_s:
            counted = self.warming + len(self.passed)
            raise RunError(f"{counted} frames were published in {self.stretch.limit_s:.0f} s, too few to go on")
        if self.before is None:
            self._warm_up(run, new)
            return True
        self.passed += new
        every = self.stretch.look_every
        if every and len(self.passed) // every >= len(self.looked):
            self.looked.append(self.stretch.look())
        if len(self.passed) < self.stretch.frames:
            return True
        self.after = _Moment.now(run, self.cameras)
        self.looked.append(self.stretch.look())
        return False

    def _warm_up(self, run: Supervisor, new: Sequence[Passed]) -> None:
        self.warming += len(new)
        self.silent -= {frame.camera for frame in new}
        if self.warming >= self.stretch.warm_up and not self.silent:
            self.before = _Moment.now(run, self.cameras)
            self.looked.append(self.stretch.look())


def _sums(parts: Sequence[Mapping[str, _Number]]) -> dict[str, _Number]:
    """The parts added up, name by name."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: sum(part[name] for part in parts if name in part) for name in names}


def _cpu_s(run: Supervisor) -> dict[str, float]:
    """CPU time that each process of the run has used; one that has ended just now is left out."""
    used = {name: process_cpu_s(child.popen.pid) for name, child in run.children.items() if child.popen is not None}
    return {name: seconds for name, seconds in used.items() if seconds is not None}
