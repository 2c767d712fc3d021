"""What the pipeline adds to the work of its stages: hops between processes, and waiting."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from posestream.stream.ipc.ledger import STAGES
from tools.benchmark.figures import Figure, Goal, Result
from tools.benchmark.observation import Passed
from tools.benchmark.one_camera import runs

WAITS: Mapping[str, str] = {
    "capture": "source's thread to capture",
    "preprocess": "capture to preprocess",
    "infer": "preprocess to infer",
    "postprocess": "infer to postprocess",
    "publish": "postprocess to publish, its accounting included",
}
"""What lies between a stage's predecessor and its own work."""


def measure(repeats: int, quick: bool) -> Result:
    """The runs are those of `camera`."""
    seen = runs(repeats, quick)

    def p50(name: str, value_ms: Callable[[Passed], float], goal: Goal | None = None) -> Figure:
        medians = [float(np.median([value_ms(frame) for frame in run.frames])) for run in seen]
        return Figure(f"{name}, p50", "ms", medians, goal)

    figures = [
        p50("arrival to published", lambda frame: frame.latency_ms),
        p50("work of the stages on that way", lambda frame: frame.busy_ms),
        p50("overhead: their difference, frame by frame", lambda frame: frame.latency_ms - frame.busy_ms, Goal("<", 2)),
        *(p50(f"- {what}", partial(waited_ms, stage=stage)) for stage, what in WAITS.items()),
        *(p50(f"work of {stage}", partial(worked_ms, stage=stage)) for stage in STAGES[:-1]),
    ]
    return Result(
        "the runs of `camera`: what a frame's time between arrival and publication has beside the stages' own work",
        figures,
        (
            "A stage's work is what its own clock says from message to message, rings and all, however slowly the "
            "machine lets it run. What publish does until it sends counts as overhead.",
            "A frame in which people are looked for goes twice from preprocess to postprocess; the lines with a dash "
            "describe the others, nine of ten.",
        ),
    )


def waited_ms(frame: Passed, stage: str) -> float:
    """From the moment the stage before handed the frame on until `stage` began its work, for frames of one pass."""
    place = STAGES.index(stage)
    handed_on_ns = frame.stamps_ns[STAGES[place - 1]] if place else frame.capture_ns
    return (frame.stamps_ns[stage] - handed_on_ns - frame.busy_ns.get(stage, 0)) / 1e6


def worked_ms(frame: Passed, stage: str) -> float:
    """What `stage` worked on the frame, in all its passes."""
    return frame.busy_ns[stage] / 1e6
