"""Whether whole runs on the GPU publish the poses that a run on the CPU publishes."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np

from engines.load import Device
from stream.messages import PoseMessage
from tools.benchmark.report import Goal
from tools.gpu_check.bench import Bench, percentiles
from tools.gpu_check.people import four_people, pictures_of
from tools.gpu_check.report import Cell, Held, NotMeasuredError, Part

MODEL = "movenet-thunder"
PICTURES = 60
SURE = 0.3
MOST_PX = {"cpu": 0.1, "cuda": 1.0}
"""Of the 95th percentile in fp32, by who cuts: the GPU's crops may be a level of brightness off, and where that makes
another cell of a map the largest a joint moves by a cell, several pixels.

Halves have no goal here: a box that is a hair off moves a whole crop. `agreement` holds them on the same crops.
"""

SETTINGS = """
[run]
model = "{model}"
device = "{device}"
precision = "{precision}"
[preprocess]
device = "{preprocess}"
[infer]
gpu = {gpu}
batches = {batches}
fallback = false
[smooth]
enabled = false
[page]
address = "off"
[publish]
endpoint = "tcp://127.0.0.1:*"
"""


def measure(bench: Bench, images: Path | None) -> Part:
    """The same pictures through runs on the CPU and on the GPU. Raises NotMeasuredError."""
    shown = bench.folder / "pictures"
    shown.mkdir(exist_ok=True)
    count = 6 if bench.quick else PICTURES
    pictures = four_people(count) if images is None else pictures_of(images, count)
    for i, picture in enumerate(pictures):
        cv2.imwrite(str(shown / f"{i:04}.png"), picture)
    expected = _published(bench, shown, "cpu", "fp32", "cpu")
    rows: list[list[Cell]] = []
    goals: list[Held] = []
    notes: list[str] = []
    ways = [(r, p, c) for r in bench.runtimes for p in ("fp32", "fp16") for c in _cutters(r)]
    for runtime, precision, cuts in bench.in_time(ways, notes):
        found = _published(bench, shown, runtime, precision, cuts)
        alone, away_px = _beside(found, expected)
        people = sum(len(message.people) for message in expected)
        p50, p95, p99 = percentiles(np.array(away_px))
        rows.append([runtime, precision, cuts, people, alone, p50, p95, p99, float(max(away_px))])
        if precision == "fp32":
            what = f"{runtime}, {precision}, crops cut by {cuts}: joints apart, p95"
            goals.append(Held(what, p95, "px", Goal("<", MOST_PX[cuts])))
    columns = (
        "runtime",
        "precision",
        "crops by",
        "people",
        "found by one alone",
        "p50 px",
        "p95 px",
        "p99 px",
        "max px",
    )
    what = (
        f"{len(expected)} pictures through whole runs, NanoDet and MoveNet Thunder, beside the run on the CPU in fp32"
    )
    return Part(what, columns, rows, goals, (*notes, f"Joints that score {SURE} or more on the CPU."))


def _cutters(runtime: Device) -> tuple[str, ...]:
    """The settings of `preprocess.device` that make a difference."""
    return ("cpu", "cuda") if runtime == "tensorrt" else ("cpu",)


def _published(bench: Bench, shown: Path, device: Device, precision: str, preprocess: str) -> list[PoseMessage]:
    gpu = bench.gpu.index if bench.gpu else 0
    config, output = bench.folder / "run.toml", bench.folder / "poses.jsonl"
    config.write_text(
        SETTINGS.format(
            device=device, precision=precision, preprocess=preprocess, gpu=gpu, model=MODEL, batches=list(bench.sizes)
        )
    )
    output.unlink(missing_ok=True)
    command = [sys.executable, "-m", "stream.cli.main", "run", shown, "--output", output, "--config", config]
    ended = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True, errors="replace")
    if ended.returncode:
        raise NotMeasuredError(f"a run on {device} failed: {ended.stderr.strip().splitlines()[-1:]}")
    return [msgspec.json.decode(line, type=PoseMessage) for line in output.read_bytes().splitlines()]


def _beside(found: Sequence[PoseMessage], expected: Sequence[PoseMessage]) -> tuple[int, list[float]]:
    """How many people only one of the runs found, and how far the sure joints of the others lie apart."""
    alone, away_px = 0, list[float]()
    theirs = {message.seq: message for message in expected}
    for message in found:
        ours = np.array([person.keypoints for person in message.people])
        people = theirs[message.seq].people
        alone += abs(len(ours) - len(people))
        for person in people if len(ours) else ():
            joints = np.array(person.keypoints)
            sure = joints[:, 2] >= SURE
            apart = np.linalg.norm(ours[:, :, :2] - joints[:, :2], axis=2)
            away_px += apart[apart[:, sure].mean(axis=1).argmin(), sure].tolist() if sure.any() else []
    if not away_px:
        raise NotMeasuredError("nobody was found in the pictures")
    return alone, away_px
