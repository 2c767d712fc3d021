"""How many cameras of 720p at 30 fps, with four people each, one GPU and this machine's processors keep up with."""

import os
from pathlib import Path

import numpy as np

from stream.errors import RunError
from tools.benchmark.live import observe
from tools.benchmark.report import Goal
from tools.gpu_check import runs
from tools.gpu_check.bench import Bench, percentiles
from tools.gpu_check.report import Cell, Held, Part

COUNTS = (8, 16, 32, 48, 64)
FRAMES, WARM_UP = 120, 60  # of each camera
MODEL = "movenet-thunder"
MOST_DROPPED_PERCENT = 1.0
CAMERAS = 64  # of the goal
CAMERAS_A_WORKER = 8  # of preprocess and of postprocess


def measure(bench: Bench, _images: Path | None) -> Part:
    """More and more cameras, until frames are dropped."""
    rows: list[list[Cell]] = []
    notes = [
        f"A number counts as sustained where at most {MOST_DROPPED_PERCENT:g} % of the frames are dropped. Each camera "
        f"is a process that decodes its video on one of {os.cpu_count()} processors, which the rest of the run shares.",
    ]
    sustained = 0
    for count in bench.in_time(COUNTS[:1] if bench.quick else COUNTS, notes):
        try:
            rows.append(_row(bench, 1 if bench.quick else count))
        except RunError as error:
            notes.append(f"{count} cameras: {error}")
            break
        if float(rows[-1][3] or 0) > MOST_DROPPED_PERCENT:
            break
        sustained = int(rows[-1][0] or 0)
    columns = (
        "cameras",
        "people a frame",
        "fps in all",
        "dropped %",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "cores in use",
        "of it infer",
    )
    goal = Held("cameras sustained", sustained, "", Goal(">=", CAMERAS))
    what = f"live cameras, NanoDet and MoveNet Thunder on {bench.runtimes[0]}, {bench.precision}"
    return Part(what, columns, rows, (goal,), notes)


def _row(bench: Bench, count: int) -> list[Cell]:
    warm_up, frames = (5, 20) if bench.quick else (WARM_UP, FRAMES)
    workers = -(-count // CAMERAS_A_WORKER)
    seen = observe(
        runs.cameras(runs.video(bench, 4), count),
        "latest",
        warm_up=warm_up * count,
        frames=frames * count,
        settings=runs.settings(
            bench, MODEL, bench.runtimes[0], **{"preprocess.workers": workers, "postprocess.workers": workers}
        ),
    )
    latencies = percentiles(np.array([frame.latency_ms for frame in seen.frames]))
    people = sum(frame.people for frame in seen.frames) / len(seen.frames)
    cores = {name: used_s / seen.seconds for name, used_s in seen.cpu_s.items()}
    return [count, people, seen.rate_hz, seen.dropped_percent, *latencies, sum(cores.values()), cores["infer"]]
