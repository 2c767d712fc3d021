"""From a frame's arrival to its publication, in whole runs: of one person, and of so many cameras with four each."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from posestream.engines.zoo.catalogue import find
from tools.benchmark.figures import Goal
from tools.benchmark.observation import Passed
from tools.benchmark.watched_run import observe
from tools.gpu_check import runs, timing, weights
from tools.gpu_check.bench import Bench, image_shape
from tools.gpu_check.findings import Findings, Held, NotMeasuredError
from tools.gpu_check.latency import PEOPLE
from tools.gpu_check.unit import Unit

FRAMES, LEAST_FRAMES, WARM_UP = 300, 60, 45  # of each camera; fewer where there are many
MOST_ADDED_MS = 2.0
LEAST_PEOPLE = 0.5  # of those who are there: a run that sees nobody is fast
LOOK = "are processors free (see cores), do they sleep deeply (C-states), does infer warn of missing graphs or locks?"


def measure(bench: Bench, unit: Unit, found: Findings) -> None:
    """A network at a number of people in all, `unit.case`. Raises NotMeasuredError, UserError."""
    in_all = int(unit.case)
    count = -(-in_all // PEOPLE)
    warm_up, frames = (5, 10) if bench.quick else (WARM_UP, max(FRAMES // count, LEAST_FRAMES))
    seen = observe(
        runs.cameras(runs.video(bench, min(in_all, PEOPLE)), count),
        "latest",
        warm_up=warm_up * count,
        frames=frames * count,
        settings=runs.settings(bench, unit.network, unit.runtime),
        limit_s=bench.left_s,
    )
    p50, p95, p99 = timing.percentiles([frame.latency_ms for frame in seen.frames])
    people = sum(frame.people for frame in seen.frames) / len(seen.frames)
    raw_ms = _raw_ms(bench, unit) if in_all == 1 else None
    added_ms = None if raw_ms is None else p50 - raw_ms
    found.row(
        {
            "network": unit.network,
            "people in all": in_all,
            "cameras": count,
            "people a frame": people,
            "mean batch": mean_batch(seen.frames),
            "p50 ms": p50,
            "p95 ms": p95,
            "p99 ms": p99,
            "infer p50 ms": float(np.median([frame.busy_ns.get("infer", 0) for frame in seen.frames])) / 1e6,
            "raw, paced ms": raw_ms,
            "added ms": added_ms,
            "dropped %": seen.dropped_percent,
        }
    )
    _note(bench, unit, found)
    runs.note(seen, found)
    if people < LEAST_PEOPLE * min(in_all, PEOPLE):
        raise NotMeasuredError(f"the run followed {people:.1f} people a frame of {min(in_all, PEOPLE)}")
    if added_ms is not None:
        name = f"{unit.network} on {unit.runtime}, {bench.precision}, one person: p50 less the raw engine's"
        found.goal(Held(name, added_ms, "ms", Goal("<", MOST_ADDED_MS), LOOK))


def mean_batch(frames: Sequence[Passed]) -> float:
    """People posed in one call of the network, on average: frames of one call have one time at which infer ended."""
    together = Counter[int]()
    for frame in frames:
        together[frame.stamps_ns["infer"]] += frame.people
    return sum(together.values()) / max(len(together), 1)


def _note(bench: Bench, unit: Unit, found: Findings) -> None:
    found.note(
        f"{unit.runtime}, {bench.precision}; videos of 720p at 30 fps, each decoded by its camera's process; the raw "
        "engine is called 30 times a second too."
    )
    if weights.of(unit.network).trained:
        found.note("NanoDet looks for people in every 10th frame: p95 and p99 are of frames that it sees too.")
    else:
        found.note(f"{unit.network} follows noise, having random weights: NanoDet sees the first frame alone.")


def _raw_ms(bench: Bench, unit: Unit) -> float:
    """p50 of the engine alone for one person, at the pace of a camera."""
    backend = bench.backend(unit.network, unit.runtime, bench.precision)
    try:
        return timing.paced(backend.inference_only(image_shape(find(unit.network), 1)), quick=bench.quick)[0]
    finally:
        backend.close()
