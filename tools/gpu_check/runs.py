"""Whole runs on the GPU: their settings, and the cameras that they watch."""

from pathlib import Path
from typing import Any

from engines.load import Device
from engines.zoo.catalogue import find
from tools.gpu_check.bench import Bench, network_file
from tools.gpu_check.people import four_people, one_person, write_video

LOOP_FRAMES = 118  # there and back, so that nobody jumps where a video begins again
TIMES = 6  # shown: 23 seconds


def settings(bench: Bench, model: str, runtime: Device, **more: Any) -> dict[str, Any]:
    """Settings of a run on the GPU, which may not go on with the CPU where that fails."""
    spec = find(model)
    return {
        "run.model": model,
        "run.device": runtime,
        "run.precision": bench.precision,
        "run.realtime": True,
        "run.random_weights": not network_file(spec)[1],
        "preprocess.device": "cuda" if runtime == "tensorrt" else "cpu",
        "infer.gpu": bench.gpu.index if bench.gpu else 0,
        "infer.batches": list(bench.sizes),
        "infer.fallback": False,
        **more,
    }


def video(bench: Bench, people: int) -> Path:
    """A 720p video at 30 fps of one or four people; made once. Raises NotMeasuredError."""
    path = bench.folder / f"{people}.mp4"
    if not path.exists():
        frames = four_people(LOOP_FRAMES) if people > 1 else one_person(LOOP_FRAMES)
        write_video(path, frames, 3 if bench.quick else TIMES)
    return path


def cameras(path: Path, count: int) -> dict[str, str]:
    """So many cameras that all show one video."""
    return {f"cam{i}": str(path) for i in range(count)}
