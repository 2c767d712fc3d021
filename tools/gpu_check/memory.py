"""Whether a long run takes more and more of the GPU's memory."""

from pathlib import Path

from tools.benchmark.live import observe
from tools.benchmark.report import Goal
from tools.gpu_check import runs
from tools.gpu_check.bench import Bench
from tools.gpu_check.people import four_people, write_video
from tools.gpu_check.report import Cell, Held, Part

FRAMES, WARM_UP = 10_000, 500
MOST_MIB = 8.0  # what a driver may round up to
MODEL = "movenet-thunder"


def measure(bench: Bench, _images: Path | None) -> Part:
    """One camera as fast as it goes. Raises NotMeasuredError."""
    device = bench.device()
    warm_up, frames = (20, 60) if bench.quick else (WARM_UP, FRAMES)
    video = bench.folder / "long.mp4"
    write_video(video, four_people(runs.LOOP_FRAMES), -(-(warm_up + frames + 50) // runs.LOOP_FRAMES))
    try:
        seen = observe(
            str(video),
            "every",
            warm_up=warm_up,
            frames=frames,
            settings=runs.settings(bench, MODEL, bench.runtimes[0], **{"run.realtime": False}),
            look=lambda: device.memory_used() / 2**20,
        )
    finally:
        device.close()
    before, after = seen.looked
    row: list[Cell] = [bench.runtimes[0], MODEL, len(seen.frames), seen.rate_hz, before, after]
    held = Held(f"grown over {frames} frames", after - before, "MiB", Goal("<", MOST_MIB))
    columns = ("runtime", "network", "frames", "fps", "MiB in use before", "MiB in use after")
    notes = (f"After {warm_up} frames; of the whole GPU, whoever uses it.",)
    return Part("memory of the GPU over a long run of one camera, four people", columns, [row], (held,), notes)
