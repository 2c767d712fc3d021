"""Whole runs on the GPU, watched from outside: from a frame's arrival to its publication, and how memory grows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from posestream.engines.zoo.catalogue import find
from posestream.stream.sources.source import Policy
from tools.benchmark.figures import Goal, NotMeasuredError
from tools.benchmark.footage import HD, four_people, one_person, write_video
from tools.benchmark.observation import Observation, Passed
from tools.benchmark.timing import paced, percentiles
from tools.benchmark.watched_run import observe
from tools.gpu_check import weight_files
from tools.gpu_check.copies import copying
from tools.gpu_check.findings import Findings
from tools.gpu_check.latency import PEOPLE
from tools.gpu_check.unit import Bench, Unit, image_shape

LOOP_FRAMES = 118  # there and back, so that nobody jumps where a video begins again
TIMES = 20  # shown: 79 seconds, also for a camera that starts long before the last one
BIT_RATE = 4_000_000  # a second: an ordinary 720p camera's

FRAMES, LEAST_FRAMES, WARM_UP = 300, 60, 45  # of each camera, end to end; fewer where there are many
ADDED_MS = Goal("<", 2.0)
LEAST_PEOPLE = 0.5  # of those who are there: a run that sees nobody is fast
LOOK_ADDED = (
    "are processors free (see cores), do they sleep deeply (C-states), does infer warn of missing graphs or locks?"
)

LONG_FRAMES, LONG_WARM_UP, LOOK_EVERY = 10_000, 500, 500  # of the run whose memory is watched
GROWN_MIB = Goal("<", 8.0)  # what a driver may round up to
LOOK_GROWN = "does anything else use this GPU (nvidia-smi)? Its memory counts too"


def end_to_end(bench: Bench, unit: Unit, found: Findings) -> None:
    """A network at a number of people in all, `unit.case`. Raises NotMeasuredError, UserError."""
    in_all = int(unit.case)
    count, there = -(-in_all // PEOPLE), min(in_all, PEOPLE)
    warm_up, frames = (1, 3) if bench.quick else (WARM_UP, max(FRAMES // count, LEAST_FRAMES))
    seen = watch(bench, unit, there, count, warm_up=warm_up, frames=frames)
    times = percentiles([frame.latency_ms for frame in seen.frames])
    raw_ms = _raw_ms(bench, unit) if in_all == 1 else None
    added_ms = None if raw_ms is None else times["p50 ms"] - raw_ms
    infer_ms = float(np.median([frame.busy_ns.get("infer", 0) for frame in seen.frames])) / 1e6
    found.row(
        {"network": unit.network, "people in all": in_all, "cameras": count},
        {"people a frame": seen.people, "mean batch": mean_batch(seen.frames)},
        times,
        {"infer p50 ms": infer_ms, "raw, paced ms": raw_ms, "added ms": added_ms, "dropped %": seen.dropped_percent},
    )
    found.note(
        f"{unit.runtime}, {unit.precision}; videos of 720p at 30 fps, each decoded by its camera's process; the raw "
        "engine is called 30 times a second too."
    )
    if weight_files.of(unit.network).trained:
        found.note("NanoDet looks for people in every 10th frame: p95 and p99 are of frames that it sees too.")
    else:
        found.note(f"{unit.network} follows noise, having random weights: NanoDet sees the first frame alone.")
    note_infer(seen, found)
    if seen.people < LEAST_PEOPLE * there:
        raise NotMeasuredError(f"the run followed {seen.people:.1f} people a frame of {there}")
    if added_ms is not None:
        name = f"{unit.network} on {unit.runtime}, {unit.precision}, one person: p50 less the raw engine's"
        found.goal(name, added_ms, "ms", ADDED_MS, LOOK_ADDED)


def memory(bench: Bench, unit: Unit, found: Findings) -> None:
    """The GPU's memory while one camera runs as fast as it goes. Raises NotMeasuredError, UserError."""
    device = copying(bench)
    warm_up, frames, every = (1, 4, 2) if bench.quick else (LONG_WARM_UP, LONG_FRAMES, LOOK_EVERY)
    seen = watch(
        bench,
        unit,
        PEOPLE,
        policy="every",
        times=-(-(warm_up + frames + 50) // LOOP_FRAMES),
        warm_up=warm_up,
        frames=frames,
        more={"run.realtime": False},
        look=lambda: device.memory_used() / 2**20,
        look_every=every,
    )
    device.close()
    first, most = seen.looked[0], max(seen.looked)
    found.row(
        {"runtime": unit.runtime, "network": unit.network, "frames": len(seen.frames), "fps": seen.rate_hz},
        {"looked": len(seen.looked), "first MiB": first, "most MiB": most, "last MiB": seen.looked[-1]},
    )
    found.note(f"After {warm_up} frames and every {every} from there; of the whole GPU, whoever uses it.")
    note_infer(seen, found)
    found.goal(f"grown over {frames} frames at most", most - first, "MiB", GROWN_MIB, LOOK_GROWN)


def watch(
    bench: Bench,
    unit: Unit,
    people: int,
    cameras: int = 1,
    *,
    warm_up: int,
    frames: int,
    policy: Policy = "latest",
    times: int = TIMES,
    more: Mapping[str, Any] = MappingProxyType({}),
    **looks: Any,
) -> Observation:
    """A run of so many cameras, all of one video with one or four people; `warm_up` and `frames` are of each camera.

    The video lasts `times` loops. `more` are settings beside those of `settings`, `looks` go to `observe`. Raises
    NotMeasuredError, UserError.
    """
    path = bench.path(f"{people}x{times}.mp4")
    if not path.exists():
        shown = four_people(LOOP_FRAMES) if people > 1 else one_person(LOOP_FRAMES)
        write_video(path.with_suffix(".part.mp4"), shown, HD, bit_rate=BIT_RATE, times=times).rename(path)
    return observe(
        {f"cam{i}": str(path) for i in range(cameras)},
        policy,
        warm_up=warm_up * cameras,
        frames=frames * cameras,
        settings={**settings(bench, unit), **more},
        limit_s=bench.left_s,
        **looks,
    )


def settings(bench: Bench, unit: Unit) -> dict[str, Any]:
    """Settings of a run on the GPU, which may not go on where anything of it fails.

    A network with random weights poses noise; whoever it follows is followed for good, so that each frame is one pass.
    """
    trained = weight_files.of(unit.network).trained
    return {
        "run.model": unit.network,
        "run.device": unit.runtime,
        "run.precision": unit.precision,
        "run.realtime": True,
        "run.random_weights": not trained,
        "preprocess.device": "cuda" if unit.runtime == "tensorrt" else "cpu",
        "infer.gpu": bench.index,
        "infer.batches": list(bench.sizes),
        "infer.fallback": False,  # with the CPU
        "supervisor.restarts": 0,  # a process that dies would take its leak with it, and the time of the check
        **({} if trained else {"run.detect_every": 1000, "regions.joint_score": 0.0}),
    }


def note_infer(seen: Observation, found: Findings) -> None:
    """Notes what infer ran on, and what it warned of."""
    found.note(f"infer: {seen.ran_on}.")
    for warning in seen.warnings:
        found.note(f"infer warned: {warning}")


def mean_batch(frames: Sequence[Passed]) -> float:
    """People posed in one call of the network, on average: frames of one call have one time at which infer ended."""
    together = Counter[int]()
    for frame in frames:
        together[frame.stamps_ns["infer"]] += frame.people
    return sum(together.values()) / max(len(together), 1)


def _raw_ms(bench: Bench, unit: Unit) -> float:
    """p50 of the engine alone for one person, at the pace of a camera."""
    backend = bench.backend(unit)
    try:
        return paced(backend.inference_only(image_shape(find(unit.network), 1)), quick=bench.quick)["p50 ms"]
    finally:
        backend.close()
