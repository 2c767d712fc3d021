"""A real run, supervisor and processes, of the demo or of files, watched from outside.

In `latest` the benchmark is a sink of the run: publish sends it each frame's facts, with the time for which each stage
worked on it, once the frame is published, and waits for nothing. In `every`, where a run waits for its sinks, it is a
subscriber, and knows the stages' work from the ledger. Nothing of the run is changed for either.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import msgspec
import psutil
import zmq

from engines.zoo.fetch import silent
from stream import config, links, rundir
from stream.cli.networks import network_files
from stream.clock import now_ns
from stream.errors import RunError
from stream.ledger import Account
from stream.links import Inbox
from stream.messages import Sample, pose_decoder
from stream.supervisor import Supervisor
from stream.topology import SUPERVISOR, CameraSpec, Policy, Topology

_Number = TypeVar("_Number", int, float)
CAMERA, SINK = "cam0", "sink.0"
QUIET = {"page.address": "off", "publish.endpoint": "tcp://127.0.0.1:*"}


class Watched(Topology, frozen=True, kw_only=True):
    """A topology whose sink, if it has one, is the benchmark and no process: only the supervisor is shown this."""

    @property
    def sink_names(self) -> tuple[str, ...]:
        """None that the supervisor must start; the processes, who get a plain Topology, see them all."""
        return ()


@dataclass(frozen=True, slots=True)
class Passed:
    """One published frame: when it arrived, when each stage handed it on.

    `busy_ns` is for how long each stage before publish worked on it; empty where a run is watched as a subscriber.
    """

    camera: str
    seq: int
    people: int
    capture_ns: int
    stamps_ns: Mapping[str, int]
    busy_ns: Mapping[str, int]

    @property
    def latency_ms(self) -> float:
        """From arrival to publication."""
        return (self.stamps_ns["publish"] - self.capture_ns) / 1e6

    @property
    def busy_ms(self) -> float:
        """What the stages before publish worked on it."""
        return sum(self.busy_ns.values()) / 1e6


@dataclass(frozen=True, slots=True)
class Observation:
    """A stretch of a run, its warm-up left out.

    `cpu_s` is what each process used in `seconds`, `busy_ms` what each stage worked on a frame, on average, `looked`
    what was seen at both ends. Accounts are those of all cameras together.
    """

    frames: list[Passed]
    before: Account
    after: Account
    seconds: float
    cpu_s: Mapping[str, float]
    busy_ms: Mapping[str, float]
    looked: tuple[float, float] = (0.0, 0.0)

    @property
    def dropped_percent(self) -> float:
        """Of the frames captured."""
        captured = self.after.captured - self.before.captured
        return 100 * (self.after.dropped - self.before.dropped) / max(captured, 1)

    @property
    def rate_hz(self) -> float:
        """Published frames a second."""
        first, last = (self.frames[i].stamps_ns["publish"] for i in (0, -1))
        return (len(self.frames) - 1) * 1e9 / (last - first)


@contextlib.contextmanager
def watched(sources: Mapping[str, str], policy: Policy, settings: Mapping[str, Any]) -> Iterator[Watched]:
    """The topology of a run of cameras, by name, in a folder that is removed at the end."""
    loaded = config.load(overrides={**QUIET, **settings})
    cameras = tuple(
        CameraSpec(name=name, source=source, policy=policy, stills=False) for name, source in sources.items()
    )
    with rundir.open_run_dir() as folder:
        bare = Watched(
            run_dir=str(folder),
            config=loaded,
            cameras=cameras,
            networks=network_files(loaded, silent),
            endpoints={},
            sinks=("benchmark",) if policy == "latest" else (),
        )
        names = (*bare.processes, SINK, SUPERVISOR, "published")
        yield msgspec.structs.replace(bare, endpoints=links.endpoints(names, folder))


def observe(
    source: str | Mapping[str, str],
    policy: Policy,
    *,
    warm_up: int,
    frames: int,
    settings: Mapping[str, Any],
    look: Callable[[], float] = lambda: 0.0,
) -> Observation:
    """Runs one source, or several by their cameras' names, until `frames` were published after the first `warm_up`.

    Counts are of all cameras together. `look` is called at the beginning and at the end of the stretch. Raises
    UserError.
    """
    sources = {CAMERA: source} if isinstance(source, str) else source
    with watched(sources, policy, settings) as topology, _receiver(topology) as receive:
        return _Watch(topology, receive, warm_up, frames, look).run()


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


class _Moment(NamedTuple):
    """Where a run stands."""

    at_ns: int
    account: Account
    cpu_s: Mapping[str, float]
    busy_ms: Mapping[str, float]
    looked: float

    @classmethod
    def now(cls, run: Supervisor, cameras: Sequence[str], look: Callable[[], float]) -> "_Moment":
        accounts = [run.account(camera) for camera in cameras]
        drops = _sums([account.drops for account in accounts])
        captured, published, people = (
            sum(getattr(account, name) for account in accounts) for name in ("captured", "published", "people")
        )
        busy_ms = _sums([run.ledger.busy_ms(camera) for camera in cameras])
        account = Account(captured, published, drops, people)
        return cls(now_ns(), account, _cpu_s(run), busy_ms, look())


class _Watch:
    """Takes in what publish says while the supervisor runs."""

    def __init__(
        self,
        topology: Watched,
        receive: Callable[[], list[Passed]],
        warm_up: int,
        frames: int,
        look: Callable[[], float],
    ) -> None:
        self.supervisor = Supervisor(topology)
        self.cameras = topology.camera_names
        self.receive, self.look = receive, look
        self.warm_up, self.wanted = warm_up, frames
        self.warming = 0  # frames that came before the measured stretch
        self.passed: list[Passed] = []
        self.before: _Moment | None = None
        self.after: _Moment | None = None

    def run(self) -> Observation:
        try:
            self.supervisor.run(self._goes_on)
        finally:
            self.supervisor.close()
        if self.before is None or self.after is None:
            raise RunError(f"the source ended before {self.warm_up + self.wanted} frames were published")
        before, after = self.before, self.after
        frames = after.account.published - before.account.published
        return Observation(
            self.passed,
            before.account,
            after.account,
            (after.at_ns - before.at_ns) / 1e9,
            {name: used_s - before.cpu_s[name] for name, used_s in after.cpu_s.items()},
            {stage: (busy_ms - before.busy_ms[stage]) / frames for stage, busy_ms in after.busy_ms.items()},
            (before.looked, after.looked),
        )

    def _goes_on(self, run: Supervisor) -> bool:
        new = self.receive()
        if self.before is None:
            self.warming += len(new)
            if self.warming >= self.warm_up:
                self.before = _Moment.now(run, self.cameras, self.look)
            return True
        self.passed += new
        if len(self.passed) < self.wanted:
            return True
        self.after = _Moment.now(run, self.cameras, self.look)
        return False


def _sums(parts: Sequence[Mapping[str, _Number]]) -> dict[str, _Number]:
    """The parts added up, name by name."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: sum(part[name] for part in parts if name in part) for name in names}


def _cpu_s(run: Supervisor) -> dict[str, float]:
    """CPU time that each process of the run has used, user and system, all its threads."""
    used = {}
    for name, child in run.children.items():
        assert child.popen is not None
        times = psutil.Process(child.popen.pid).cpu_times()
        used[name] = times.user + times.system
    return used
