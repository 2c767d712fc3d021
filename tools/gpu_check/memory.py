"""Whether a long run takes more and more of the GPU's memory."""

from tools.benchmark.figures import Goal
from tools.benchmark.watched_run import observe
from tools.gpu_check import runs
from tools.gpu_check.bench import Bench
from tools.gpu_check.copying import copying
from tools.gpu_check.findings import Findings, Held
from tools.gpu_check.people import four_people, write_video
from tools.gpu_check.unit import Unit

FRAMES, WARM_UP, EVERY = 10_000, 500, 500
MOST_MIB = 8.0  # what a driver may round up to
LOOK = "does anything else use this GPU (nvidia-smi)? Its memory counts too"


def measure(bench: Bench, unit: Unit, found: Findings) -> None:
    """One camera as fast as it goes. Raises NotMeasuredError, UserError."""
    device = copying(bench)
    warm_up, frames, every = (5, 15, 5) if bench.quick else (WARM_UP, FRAMES, EVERY)
    video = write_video(
        bench.path("long.mp4"), four_people(runs.LOOP_FRAMES), -(-(warm_up + frames + 50) // runs.LOOP_FRAMES)
    )
    try:
        seen = observe(
            str(video),
            "every",
            warm_up=warm_up,
            frames=frames,
            settings=runs.settings(bench, unit.network, unit.runtime, **{"run.realtime": False}),
            look=lambda: device.memory_used() / 2**20,
            look_every=every,
            limit_s=bench.left_s,
        )
    finally:
        device.close()
    first, most = seen.looked[0], max(seen.looked)
    found.row(
        {
            "runtime": unit.runtime,
            "network": unit.network,
            "frames": len(seen.frames),
            "fps": seen.rate_hz,
            "looked": len(seen.looked),
            "first MiB": first,
            "most MiB": most,
            "last MiB": seen.looked[-1],
        }
    )
    found.note(f"After {warm_up} frames and every {every} from there; of the whole GPU, whoever uses it.")
    runs.note(seen, found)
    found.goal(Held(f"grown over {frames} frames at most", most - first, "MiB", Goal("<", MOST_MIB), LOOK))
