"""From a frame's arrival to its publication, in whole runs: of one person, and of so many cameras with four each."""

from pathlib import Path

import numpy as np

from engines.spec import ModelSpec
from engines.zoo.catalogue import find
from tools.benchmark.live import observe
from tools.benchmark.report import Goal
from tools.gpu_check import runs
from tools.gpu_check.bench import BATCHES, Bench, network_file, percentiles
from tools.gpu_check.latency import NETWORKS, PEOPLE
from tools.gpu_check.report import Cell, Held, NotMeasuredError, Part

FRAMES, WARM_UP = 150, 45  # of each camera
MOST_ADDED_MS = 2.0
DETECTOR = "nanodet"
COLUMNS = (
    "network", "crops at once", "cameras", "people a frame", "p50 ms", "p95 ms", "p99 ms", "infer p50 ms",
    "raw engine ms", "added ms", "dropped %",
)  # fmt: skip


def measure(bench: Bench, _images: Path | None) -> Part:
    """Every network, on the runtime that a run takes first."""
    rows: list[list[Cell]] = []
    goals: list[Held] = []
    notes = [
        f"All on {bench.runtimes[0]}, {bench.precision}; videos of 720p at 30 fps, decoded by each camera's process.",
        f"{DETECTOR} looks for people in every 10th frame; the median frame is one that it does not see.",
    ]
    sizes = BATCHES[:1] if bench.quick else BATCHES
    units = [(name, size) for name in NETWORKS[: 1 if bench.quick else None] for size in sizes]
    for name, size in bench.in_time(units, notes):
        spec = find(name)
        try:
            trained = network_file(spec)[1]
        except NotMeasuredError as problem:
            notes.append(f"{name}: not measured: {problem}")
            continue
        if not trained and size == 1:
            notes.append(
                f"{name} has random weights, whose poses nobody can follow: {DETECTOR} sees each of its frames."
            )
        row = _row(bench, spec, size, follows=trained)
        rows.append(row)
        if isinstance(added_ms := row[COLUMNS.index("added ms")], float):
            goals.append(Held(f"{name}, batch 1: p50 less the raw engine", added_ms, "ms", Goal("<", MOST_ADDED_MS)))
    return Part("arrival to publication in whole runs", COLUMNS, rows, goals, notes)


def _row(bench: Bench, spec: ModelSpec, size: int, *, follows: bool) -> list[Cell]:
    count = -(-size // PEOPLE)
    warm_up, frames = (5, 10) if bench.quick else (WARM_UP, FRAMES)
    cadence = {} if follows else {"run.detect_every": 1}
    seen = observe(
        runs.cameras(runs.video(bench, min(size, PEOPLE)), count),
        "latest",
        warm_up=warm_up * count,
        frames=frames * count,
        settings=runs.settings(bench, spec.name, bench.runtimes[0], **cadence),
    )
    p50, p95, p99 = percentiles(np.array([frame.latency_ms for frame in seen.frames]))
    infer_ms = float(np.median([frame.busy_ns.get("infer", 0) for frame in seen.frames])) / 1e6
    people = sum(frame.people for frame in seen.frames) / len(seen.frames)
    raw_ms = _raw_ms(bench, spec, detected=not follows) if size == 1 else None
    added_ms = None if raw_ms is None else p50 - raw_ms
    return [spec.name, size, count, people, p50, p95, p99, infer_ms, raw_ms, added_ms, seen.dropped_percent]


def _raw_ms(bench: Bench, spec: ModelSpec, *, detected: bool) -> float:
    """p50 of the engines alone that one frame of one person needs."""
    return sum(_alone_ms(bench, each) for each in ((find(DETECTOR), spec) if detected else (spec,)))


def _alone_ms(bench: Bench, spec: ModelSpec) -> float:
    size_hw = spec.input.size_hw
    assert size_hw is not None, f"{spec.name} has an input of any size"
    backend = bench.backend(spec, network_file(spec)[0], bench.runtimes[0], bench.precision)
    try:
        return bench.percentiles_ms(backend.alone((1, *spec.input.image_shape(size_hw))))[0]
    finally:
        backend.close()
