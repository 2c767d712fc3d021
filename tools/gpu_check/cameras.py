"""How many cameras of 720p at 30 fps, with four people each, one GPU and this machine's processors keep up with."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from posestream.stream.doctor.machine import cores
from posestream.stream.errors import RunError
from tools.benchmark.figures import Goal
from tools.benchmark.observation import Observation
from tools.benchmark.timing import percentiles
from tools.gpu_check.findings import Findings
from tools.gpu_check.latency import PEOPLE
from tools.gpu_check.unit import Bench, Unit
from tools.gpu_check.whole_runs import note_infer, watch

COUNTS = (64, 48, 32, 16, 8)
SUSTAINED = Goal(">=", 64)
FRAMES, WARM_UP = 120, 60  # of each camera
CAMERA_HZ = 30.0
MAX_DROPPED_PERCENT = 1.0
LEAST_OF_ALL, LEAST_OF_EACH = 0.99, 0.95  # of the rate: a decoder that starves drops nothing, and is late
CAMERAS_A_WORKER = 8  # of preprocess and of postprocess
LOOK = "are the processors saturated (cores in use), or infer (near 1 core)? Fewer cameras, or more processors, tell"


@dataclass(frozen=True, slots=True)
class Try:
    """A number of cameras that was tried: what was seen, or why there was nothing to see."""

    count: int
    seen: Observation | None
    problem: str = ""

    @property
    def flaw(self) -> str:
        """Why the number is not sustained; "" where it is, or nothing was seen."""
        if self.seen is None:
            return ""
        wanted_hz, rates = CAMERA_HZ * self.count, rates_hz(self.seen, self.count)
        if self.seen.dropped_percent > MAX_DROPPED_PERCENT:
            return f"no: {self.seen.dropped_percent:.1f} % dropped"
        if sum(rates) < LEAST_OF_ALL * wanted_hz:
            return f"no: {sum(rates):.0f} of {wanted_hz:.0f} fps"
        if min(rates) < LEAST_OF_EACH * CAMERA_HZ:
            return f"no: one at {min(rates):.1f} fps"
        return ""

    @property
    def sustained(self) -> bool:
        """True where nothing is wrong with it."""
        return self.seen is not None and not self.flaw


def measure(bench: Bench, unit: Unit, found: Findings) -> None:
    """The goal's number first; where it is missed twice, fewer, until one is sustained."""
    found.note(
        f"Sustained: at most {MAX_DROPPED_PERCENT:g} % dropped, {LEAST_OF_ALL:.0%} of {CAMERA_HZ:g} fps in all and "
        f"{LEAST_OF_EACH:.0%} of each camera. Each camera is a process that decodes its video on one of "
        f"{cores()} processors, which the rest of the run shares."
    )
    best, why_none = verdict(_tries(bench, unit, found))
    if best is None:
        found.write("missed", f"cameras sustained: {why_none}")
    else:
        found.goal("cameras sustained", best, "", SUSTAINED, LOOK)


def verdict(tried: Sequence[Try]) -> tuple[int | None, str]:
    """The largest number that is sustained, 0 where none was; or None, and why nothing can be said of the goal.

    That some run failed says nothing about how many cameras would have been sustained.
    """
    sustained = max((each.count for each in tried if each.sustained), default=0)
    if SUSTAINED.met(sustained) or any(each.flaw and each.count <= SUSTAINED.value for each in tried):
        return sustained, ""
    problems = [f"{each.count} cameras: {each.problem}" for each in tried if each.problem]
    return None, "; ".join(dict.fromkeys(problems)) or f"{SUSTAINED.value:g} were not tried"


def rates_hz(seen: Observation, count: int) -> list[float]:
    """What each camera published a second; 0 for those that published nothing."""
    published = Counter(frame.camera for frame in seen.frames)
    first, last = (seen.frames[i].stamps_ns["publish"] for i in (0, -1))
    seconds = max(last - first, 1) / 1e9
    rates = [(frames - 0.5) / seconds for frames in published.values()]  # both ends are those of some camera's frames
    return rates + [0.0] * (count - len(rates))


def _tries(bench: Bench, unit: Unit, found: Findings) -> list[Try]:
    """Until a number is sustained, or no time is left for another; a miss may have been somebody else's doing."""
    tried: list[Try] = []
    for count in (1,) if bench.quick else COUNTS:
        for _ in range(1 if bench.quick else 2):
            began_s = time.monotonic()
            tried.append(_try(bench, unit, count, found))
            took_s = time.monotonic() - began_s
            if tried[-1].sustained:
                return tried
            if bench.left_s < took_s:
                found.note(f"No time was left for fewer than {count} cameras.")
                return tried
    return tried


def _try(bench: Bench, unit: Unit, count: int, found: Findings) -> Try:
    warm_up, frames = (1, 3) if bench.quick else (WARM_UP, FRAMES)
    workers = -(-count // CAMERAS_A_WORKER)
    more = {"preprocess.workers": workers, "postprocess.workers": workers}
    try:
        seen = watch(bench, unit, PEOPLE, count, warm_up=warm_up, frames=frames, more=more)
    except RunError as error:
        found.note(f"{count} cameras: {error}")
        return Try(count, None, str(error))
    cores_of = {name: used_s / seen.seconds for name, used_s in seen.cpu_s.items()}
    one, rates = Try(count, seen), rates_hz(seen, count)
    found.row(
        {"cameras": count, "sustained": one.flaw or "yes", "people a frame": seen.people},
        {"fps in all": sum(rates), "slowest fps": min(rates), "dropped %": seen.dropped_percent},
        percentiles([frame.latency_ms for frame in seen.frames]),
        {"cores": sum(cores_of.values()), "of it infer": cores_of.get("infer")},
    )
    note_infer(seen, found)
    return one
