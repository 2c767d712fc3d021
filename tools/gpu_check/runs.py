"""Whole runs on the GPU: their settings, and the cameras that they watch."""

from pathlib import Path
from typing import Any

from posestream.engines.backends.load import DeviceName
from tools.benchmark.observation import Observation
from tools.gpu_check import weights
from tools.gpu_check.bench import Bench
from tools.gpu_check.findings import Findings
from tools.gpu_check.people import four_people, one_person, write_video

LOOP_FRAMES = 118  # there and back, so that nobody jumps where a video begins again
TIMES = 20  # shown: 79 seconds, also for a camera that starts long before the last one
NO_FALLBACK = {
    "infer.fallback": False,  # with the CPU
    "supervisor.restarts": 0,  # a process that dies would take its leak with it, and the time of the check
}


def settings(bench: Bench, model: str, runtime: DeviceName, **more: Any) -> dict[str, Any]:
    """Settings of a run on the GPU, which may not go on where anything of it fails.

    A network with random weights poses noise; whoever it follows is followed for good, so that each frame is one pass.
    """
    follows = {} if weights.of(model).trained else {"run.detect_every": 1000, "regions.joint_score": 0.0}
    return {
        "run.model": model,
        "run.device": runtime,
        "run.precision": bench.precision,
        "run.realtime": True,
        "run.random_weights": not weights.of(model).trained,
        "preprocess.device": "cuda" if runtime == "tensorrt" else "cpu",
        "infer.gpu": bench.index,
        "infer.batches": list(bench.sizes),
        **NO_FALLBACK,
        **follows,
        **more,
    }


def video(bench: Bench, people: int) -> Path:
    """A 720p video at 30 fps of one or four people; made once. Raises NotMeasuredError."""
    path = bench.path(f"{people}.mp4")
    if not path.exists():
        frames = four_people(LOOP_FRAMES) if people > 1 else one_person(LOOP_FRAMES)
        write_video(path.with_suffix(".part.mp4"), frames, TIMES).rename(path)
    return path


def cameras(path: Path, count: int) -> dict[str, str]:
    """So many cameras that all show one video."""
    return {f"cam{i}": str(path) for i in range(count)}


def note(seen: Observation, found: Findings) -> None:
    """What infer ran on, and what it warned of."""
    found.note(f"infer: {seen.ran_on}.")
    for warning in seen.warnings:
        found.note(f"infer warned: {warning}")
