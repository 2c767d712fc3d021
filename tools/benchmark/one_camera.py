"""One camera at 30 fps with everything at its default: what a newcomer gets."""

from functools import cache

import numpy as np

from posestream.stream.sources.demo import FPS, LOOP_FRAMES
from tools.benchmark.figures import Figure, Goal, Result
from tools.benchmark.observation import Observation
from tools.benchmark.watched_run import observe

WARM_UP = 45  # frames: the first seconds find the processes' memory and the CPU's clock cold


@cache
def runs(repeats: int, quick: bool) -> tuple[Observation, ...]:
    """Runs of the demo with the packaged settings, each one loop of its scene; `overhead` looks at the same ones."""
    warm_up, frames = (5, 15) if quick else (WARM_UP, LOOP_FRAMES)
    return tuple(observe("demo", "latest", warm_up=warm_up, frames=frames, settings={}) for _ in range(repeats))


def measure(repeats: int, quick: bool) -> Result:
    """One repeat is one run, from its start to its end."""
    seen = runs(repeats, quick)
    figures = [Figure("frames published", "fps", [run.rate_hz for run in seen], Goal(">=", FPS * 0.99))]
    for percent, goal in ((50, None), (95, Goal("<", 80.0)), (99, None)):
        latencies = [float(np.percentile([f.latency_ms for f in run.frames], percent)) for run in seen]
        figures.append(Figure(f"latency p{percent}, arrival to published", "ms", latencies, goal))
    figures += [
        Figure("dropped, of the frames captured", "%", [run.dropped_percent for run in seen]),
        Figure("frames with 1 or 2 people", "%", [_peopled_percent(run) for run in seen]),
        Figure("CPU, all processes of the run", "cores", [sum(run.cpu_s.values()) / run.seconds for run in seen]),
    ]
    for name in seen[0].cpu_s:
        figures.append(Figure(f"CPU, {name}", "cores", [run.cpu_s[name] / run.seconds for run in seen]))
    return Result(
        "the demo, 640x480 at 30 fps, as a camera: NanoDet every 10th frame and MoveNet Lightning on the regions, "
        "all settings as shipped but no live page; all cores for inference",
        figures,
        ("The scene loops in 22 s: two people, each alone, 3 s of nobody, when the detector runs in every frame.",),
    )


def _peopled_percent(run: Observation) -> float:
    return 100 * sum(frame.people in (1, 2) for frame in run.frames) / len(run.frames)
