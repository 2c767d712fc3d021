"""The same step functions in one process, `stream.estimator.journey`, with a stopwatch around each of them.

It runs in a process of its own, so that neither the benchmark's threads nor a run before it touch the figures.
"""

import multiprocessing
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2

from posestream.engines.backends.load import load
from posestream.engines.zoo.catalogue import find
from posestream.engines.zoo.store import cache
from posestream.stream import config
from posestream.stream.estimator import journey
from posestream.stream.ipc import shared_memory
from posestream.stream.ipc.ledger import STAGES
from posestream.stream.run.topology import CameraSpec
from posestream.stream.sources.ffmpeg.video_file import FileSource
from posestream.stream.stages.capture import capture
from posestream.stream.stages.infer import runner
from posestream.stream.stages.postprocess import postprocess
from posestream.stream.stages.preprocess import preprocess
from posestream.stream.stages.publish import publish

STEPS = ("read", *STAGES)
_TIMED: tuple[tuple[Any, str, str], ...] = (
    (capture, "step", "capture"),
    (preprocess, "cut", "preprocess"),
    (runner, "step", "infer"),
    (postprocess, "step", "postprocess"),
    (publish, "step", "publish"),
)


@dataclass(frozen=True, slots=True)
class OneProcess:
    """What one process achieved: frames a second, milliseconds a frame in each step and in all, CPU ms a frame."""

    rate_hz: float
    steps_ms: Mapping[str, float]
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Task:
    """What to run: `frames` of a video after the first `warm_up`, with these settings and networks.

    `threads` are those of the decoder, the warps and the networks; 0 means what each takes by itself, about one a core.
    """

    video: Path
    settings: Mapping[str, Any]
    networks: Mapping[str, str]
    threads: int
    warm_up: int
    frames: int


class _Source(FileSource):
    """The file, its decoder held to a number of threads, and the time it takes noted."""

    def __init__(self, task: Task, note: Callable[[str, int], None]) -> None:
        super().__init__(str(task.video), realtime=False)
        self._threads = task.threads
        self._note = note

    def open(self) -> None:
        """Also sets the decoder's threads, before it has decoded anything."""
        super().open()
        assert self._decoder is not None
        self._decoder.stream.codec_context.thread_count = self._threads

    def read(self) -> Any:
        """The next frame."""
        began_ns = time.monotonic_ns()
        frame = super().read()
        self._note("read", time.monotonic_ns() - began_ns)
        return frame


def run(task: Task, copies: int = 1) -> list[OneProcess]:
    """Runs `copies` such processes at once, which begin to measure together; what each achieved."""
    spawn = multiprocessing.get_context("spawn")
    pairs = [spawn.Pipe() for _ in range(copies)]
    processes = [spawn.Process(target=_run, args=(task, theirs)) for _, theirs in pairs]
    try:
        for process in processes:
            process.start()
        for ours, theirs in pairs:
            theirs.close()  # so that a process's death is the end of its pipe
            ours.recv()
        for ours, _ in pairs:
            ours.send("go")
        return [ours.recv() for ours, _ in pairs]
    finally:
        for process in processes:
            process.join(5.0)
            process.kill()


def _run(task: Task, parent: "Connection[Any, Any]") -> None:
    if task.threads:
        cv2.setNumThreads(task.threads)
    settings = config.load(overrides={**task.settings, "infer.threads": task.threads})
    backends = {
        name: load(find(name), Path(path), settings.run.device, task.threads, cache.directory() / "compiled")
        for name, path in task.networks.items()
    }
    spent_ns: defaultdict[str, int] = defaultdict(int)

    def note(step: str, ns: int) -> None:
        spent_ns[step] += ns

    for module, function, step in _TIMED:
        setattr(module, function, _timed(getattr(module, function), step, note))
    source = _Source(task, note)
    source.open()
    camera = CameraSpec(name="cam0", source=str(task.video), policy="every", independent_images=False)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=shared_memory.place()) as folder:
        messages = journey.journey(source, camera, settings, backends, Path(folder))
        for _ in range(task.warm_up):
            next(messages)
        parent.send("ready")
        parent.recv()
        spent_ns.clear()
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        for _ in range(task.frames):
            next(messages)
        seconds, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    source.close()
    steps_ms = {step: spent_ns[step] / 1e6 / task.frames for step in STEPS}
    parent.send(OneProcess(task.frames / seconds, steps_ms, 1000 * cpu_s / task.frames))


def _timed(step: Callable[..., Any], name: str, note: Callable[[str, int], None]) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Any:
        began_ns = time.monotonic_ns()
        result = step(*args, **kwargs)
        note(name, time.monotonic_ns() - began_ns)
        return result

    return timed
