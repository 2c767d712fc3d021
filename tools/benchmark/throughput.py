"""What the processes gain over the same step functions in one process, beside what they could gain at most.

The bound is Amdahl's law for a pipeline: what may run side by side does, on all cores, and what may not goes one after
the other. With the milliseconds a frame that each step takes alone, in one process,

    frame time >= max(slowest, CPU time of all steps / cores)
    slowest     = the longest step, or, where a plan feeds back (a frame's regions come from the frame before),
                  preprocess + infer + postprocess together: no two frames can be in them at once
    ratio      <= frame time of the one process / that bound
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posestream.engines.progress import no_progress
from posestream.stream import config
from posestream.stream.run.planning import plan_for
from posestream.stream.run.weights import network_files
from tools.benchmark import one_process, watched_run
from tools.benchmark.figures import Figure, Goal, Result
from tools.benchmark.footage import FULL_HD, pictures, write_video
from tools.benchmark.observation import Observation
from tools.benchmark.one_process import OneProcess, Task

FRAMES, WARM_UP = 180, 20
PLANS: Mapping[str, Mapping[str, Any]] = {
    "MultiPose": {"run.model": "movenet-multipose"},
    "default plan": {},
}
IN_TURN = ("preprocess", "infer", "postprocess")  # where regions feed back


@dataclass(frozen=True, slots=True)
class Run:
    """One repeat of one plan."""

    alone: OneProcess
    processes: Observation
    all_threads: OneProcess
    together: Sequence[OneProcess]
    feeds_back: bool

    @property
    def ratio(self) -> float:
        """Frames a second of the processes over those of one process."""
        return self.processes.rate_hz / self.alone.rate_hz

    @property
    def allowed(self) -> float:
        """The most that the ratio can be; see the top of this file."""
        bound_ms = max(self._slowest(self.alone.steps_ms), self.alone.cpu_ms / (os.cpu_count() or 1))
        return 1000 / self.alone.rate_hz / bound_ms

    @property
    def occupied(self) -> float:
        """The share of the run in which its slowest part worked: what is left is hops and waiting."""
        return self._slowest(self.processes.busy_ms) * self.processes.rate_hz / 1000

    def _slowest(self, steps_ms: Mapping[str, float]) -> float:
        return sum(steps_ms[step] for step in IN_TURN) if self.feeds_back else max(steps_ms.values())


def measure(repeats: int, quick: bool) -> Result:
    """One repeat runs everything once, one after the other."""
    frames, warm_up = (12, 3) if quick else (FRAMES, WARM_UP)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        video = Path(folder) / "scene.avi"
        count = frames + warm_up + 20  # more than is measured: no side sees the end
        write_video(video, pictures(count, FULL_HD), FULL_HD)
        for name, settings in list(PLANS.items())[: 1 if quick else None]:
            runs = [_run(video, settings, frames, warm_up) for _ in range(repeats)]
            figures += _figures(name, runs)
    return Result(
        f"a video of {FULL_HD[0]}x{FULL_HD[1]}, every frame, at full speed, one inference thread on both sides: the "
        "processes of a run beside one process that calls the same step functions one after the other",
        figures,
        (
            "One process: decoder, warps and network have a thread each; with all threads, what they like.",
            "Allowed: Amdahl's law for the steps' times alone: none side by side with itself, CPU time / cores; in the "
            "default plan preprocess, infer and postprocess take turns, because a frame's regions come from the last.",
            "Side by side, steps slow one another down (caches, memory, a host that shares its cores): copies of one "
            "process over the one say how much. The slowest part's share of the run leaves that out; the rest is hops.",
        ),
    )


def _run(video: Path, settings: Mapping[str, Any], frames: int, warm_up: int) -> Run:
    networks = network_files(config.load(overrides=settings), no_progress)
    plan = plan_for(config.load(overrides=settings))
    one = Task(video, settings, networks, 1, warm_up, frames)
    return Run(
        alone=one_process.run(one)[0],
        processes=watched_run.observe(
            str(video), "every", warm_up=warm_up, frames=frames, settings={**settings, "infer.threads": 1}
        ),
        all_threads=one_process.run(Task(video, settings, networks, 0, warm_up, frames))[0],
        together=one_process.run(one, copies=os.cpu_count() or 1),
        feeds_back=plan.feeds_back,
    )


def _figures(plan: str, runs: Sequence[Run]) -> list[Figure]:
    steps = runs[0].alone.steps_ms
    stages = runs[0].processes.busy_ms
    rows: list[tuple[str, str, Sequence[float], Goal | None]] = [
        ("one process, one thread", "fps", [run.alone.rate_hz for run in runs], None),
        ("processes", "fps", [run.processes.rate_hz for run in runs], None),
        ("processes / one process", "x", [run.ratio for run in runs], None),
        ("allowed", "x", [run.allowed for run in runs], None),
        ("reached, of allowed", "%", [100 * run.ratio / run.allowed for run in runs], Goal(">=", 90)),
        ("slowest part at work", "% of the run", [100 * run.occupied for run in runs], None),
        ("one process, all threads", "fps", [run.all_threads.rate_hz for run in runs], None),
        (f"{len(runs[0].together)} copies of the one process / one", "x", [_gain(run) for run in runs], None),
        *((f"{step}, alone", "ms", [run.alone.steps_ms[step] for run in runs], None) for step in steps),
        ("CPU a frame, alone", "ms", [run.alone.cpu_ms for run in runs], None),
        *(
            (f"{stage}, in the processes", "ms", [run.processes.busy_ms[stage] for run in runs], None)
            for stage in stages
        ),
        ("CPU a frame, processes", "ms", [_cpu_ms(run.processes) for run in runs], None),
    ]
    return [Figure(f"{plan}: {name}", unit, values, goal) for name, unit, values, goal in rows]


def _gain(run: Run) -> float:
    return sum(copy.rate_hz for copy in run.together) / run.alone.rate_hz


def _cpu_ms(seen: Observation) -> float:
    return 1000 * sum(seen.cpu_s.values()) / (seen.after.published - seen.before.published)
