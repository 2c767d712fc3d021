"""`posestream run`: from the command line to a run."""

import argparse
import contextlib
import logging
import os
import signal
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from posestream.stream import config
from posestream.stream.ipc.clock import now_ns
from posestream.stream.run import run_folder
from posestream.stream.run.keywords import NAMES
from posestream.stream.run.status_line import Reading, Status, summary
from posestream.stream.run.supervisor import Supervisor
from posestream.stream.run.topology import Topology
from posestream.stream.run.watchdog import Watchdog
from posestream.stream.run.weights import network_files
from posestream.stream.session.camera_specs import cameras_of
from posestream.stream.session.prepare import prepared
from posestream.stream.sinks.sink import check_output
from posestream.stream.sources.redact import redact

log = logging.getLogger(__name__)

VALUES: Mapping[str, tuple[type, str, str]] = {
    "model": (str, "NAME", "pose model (see: posestream models list)"),
    "weights": (str, "FILE", "checkpoint for a model of the literature (.pth, .pt, .ckpt, .npz)"),
    "detector": (str, "NAME", "person detector, for pose models of one person at a time"),
    "precision": (str, "fp32|fp16|int8", "of the networks; see: posestream models --help"),
    "device": (str, "auto|tensorrt|torch|cpu", "device or runtime of the networks (also openvino, onnx)"),
    "detect_every": (int, "N", "run the detector every N frames"),
    "frames": (int, "N", "end after N frames of each source"),
    "page": (str, "HOST:PORT|off", "address of the live page"),
    "publish": (str, "ENDPOINT", "endpoint to publish on, such as tcp://0.0.0.0:5556"),
}
SWITCHES: Mapping[str, str] = {
    "random_weights": "run a model of the literature without a checkpoint: its poses are noise",
    "refine": "pose each person twice: slower, more exact",
    "flip": "pose each person mirrored too: slower, more exact",
    "realtime": "play files at their own speed",
    "fail_fast": "stop when a camera cannot be opened, instead of retrying for ever",
}
STATUS_EVERY_NS = 500_000_000
PLAIN_STATUS_EVERY_NS = 10_000_000_000  # if the output is not a terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `posestream run`."""
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="0 or /dev/video0 (webcam), rtsp://… or http://… (network camera), a video, an image, a folder of images, "
        "or demo; NAME=SOURCE names the camera; without any: the webcam if there is one, else the demo",
    )
    packaged = config.defaults()
    for name, (kind, metavar, what) in VALUES.items():
        section, key = NAMES[name].split(".")
        default = getattr(getattr(packaged, section), key)
        parser.add_argument(_flag(name), type=kind, metavar=metavar, help=f"{what}; default {default or 'none'}")
    for name, what in SWITCHES.items():
        parser.add_argument(_flag(name), action="store_true", default=None, help=what)
    parser.add_argument(
        "--output", action="append", default=[], metavar="FILE", help="also write .jsonl (poses) or .mp4 (video)"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to lay over the defaults (TOML)")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def run(args: argparse.Namespace) -> int:
    """Runs until the sources end or the user stops it; returns the exit code. Raises UserError, WeightsError."""
    console = Console(stderr=True, highlight=False)
    settings = config.load(args.config, _overrides(args))
    if settings.run.random_weights:
        settings = config.unfiltered(settings)
    cameras = cameras_of(args.sources, settings)
    outputs = [str(Path(output).resolve()) for output in args.output]
    for output in outputs:
        check_output(Path(output))
    files = network_files(settings, partial(console.print, markup=False, soft_wrap=True))
    with _logging_to(console), _until_signalled() as signalled:
        for folder in run_folder.reclaim():
            console.print(f"removed what a dead run left behind: {folder}", markup=False, soft_wrap=True)
        with prepared(settings, cameras, files, outputs) as topology:
            return _supervise(topology, console, signalled)


def _overrides(args: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(args, name) for name in (*VALUES, *SWITCHES)}
    return {NAMES[name]: value for name, value in given.items() if value is not None}


def _supervise(topology: Topology, console: Console, signalled: list[int]) -> int:
    supervisor = Supervisor(topology)
    line = _StatusLine(topology, console)

    def on_tick(run: Supervisor) -> bool:
        line.update(run)
        watchdog.update(run.children, line.text, now_ns())
        if signalled:
            watchdog.stopping()
        return not signalled

    try:
        with line.shown(), Watchdog(os.environ) as watchdog:
            supervisor.run(on_tick)
    finally:
        for camera in topology.camera_names:
            console.print(summary(camera, supervisor.account(camera)), markup=False, soft_wrap=True)
        supervisor.close()
    return 0


class _StatusLine:
    """On a terminal one line that is updated in place, else a line every ten seconds."""

    def __init__(self, topology: Topology, console: Console) -> None:
        self.topology = topology
        self.console = console
        self.status = Status(len(topology.cameras))
        self.live = Live(console=console, auto_refresh=False, transient=True)
        self.noted_ns = self.printed_ns = 0
        self.announced = False
        self.text = ""

    def shown(self) -> "contextlib.AbstractContextManager[Any]":
        return self.live if self.console.is_terminal else contextlib.nullcontext()

    def update(self, supervisor: Supervisor) -> None:
        """Updates the line, twice a second."""
        if supervisor.running and not self.announced:
            self.announced = True
            self._announce(supervisor)
        if (now := now_ns()) - self.noted_ns < STATUS_EVERY_NS:
            return
        self.noted_ns = now
        cameras = self.topology.camera_names
        accounts = [supervisor.account(camera) for camera in cameras]
        latencies = sum(supervisor.ledger.latencies(camera) for camera in cameras)
        self.status.note(Reading(now, sum(account.published for account in accounts), latencies))  # type: ignore[arg-type]
        self.text = self.status.line(accounts, [supervisor.states.get(camera) for camera in cameras])
        if self.console.is_terminal:
            self.live.update(Text(self.text, overflow="ellipsis", no_wrap=True), refresh=True)
        elif now - self.printed_ns >= PLAIN_STATUS_EVERY_NS and self.announced:
            self.printed_ns = now
            self.console.print(self.text, markup=False, soft_wrap=True)

    def _announce(self, supervisor: Supervisor) -> None:
        descriptions = {name: child.description for name, child in supervisor.children.items()}
        lines = [f"{camera.name}: {redact(camera.source)}" for camera in self.topology.cameras]
        lines += [descriptions["infer"], f"poses: {descriptions['publish']}   (posestream watch prints them)"]
        lines += [f"live page: {descriptions['page']}"] if "page" in descriptions else []
        self.console.print("\n".join([*lines, "Ctrl-C stops"]), markup=False, soft_wrap=True)


@contextlib.contextmanager
def _until_signalled() -> Iterator[list[int]]:
    """A list that receives SIGINT, SIGTERM and, unless under nohup, SIGHUP."""
    signalled: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        signalled.append(number)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield signalled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _logging_to(console: Console) -> Iterator[None]:
    """Prints log lines through the console, above the status line."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            console.print(self.format(record), markup=False, soft_wrap=True)

    root = logging.getLogger()
    before, root.handlers = root.handlers, [Handler()]
    try:
        yield
    finally:
        root.handlers = before
