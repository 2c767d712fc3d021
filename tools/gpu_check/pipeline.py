"""Whether whole runs on the GPU publish the poses that a run on the CPU publishes."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import msgspec
import numpy as np

from posestream.stream.published import PoseMessage
from tools.benchmark.figures import Goal
from tools.gpu_check import timing
from tools.gpu_check.bench import Bench
from tools.gpu_check.findings import Cell, Findings, Held, NotMeasuredError
from tools.gpu_check.people import four_people, pictures_of
from tools.gpu_check.unit import Unit

PICTURES = 60
SURE = 0.3
MOST_ALONE_PERCENT = 2.0
MOST_PX = {"cpu": 0.1, "cuda": 1.0}
"""Of the 95th percentile in fp32, by who cuts: the GPU's crops may be a level of brightness off, and where that makes
another cell of a map the largest a joint moves by a cell, several pixels.

Halves have no goal here: a box that is a hair off moves a whole crop. `agreement` holds them on the same crops.
"""

LOOK = "does agreement hold in fp32? Then it is the crops, else the engine"
LOOK_LOST = "the log of such a run: posestream run FOLDER --device tensorrt --output poses.jsonl"
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
[supervisor]
restarts = 0
[smooth]
enabled = false
[page]
address = "off"
[publish]
endpoint = "tcp://127.0.0.1:*"
"""


class Beside(NamedTuple):
    """Two runs over the same pictures, ours and the one it is held against.

    `missing` pictures only the second published, `alone` are people whom only one of them found, `away_px` how far the
    sure joints of the others lie apart.
    """

    missing: int
    alone: int
    away_px: list[float]


def measure(bench: Bench, unit: Unit, found: Findings) -> None:
    """The pictures through a run on the CPU, which is kept, or one on the GPU, beside that; `unit.case` cuts."""
    shown, kept = bench.path("pictures"), bench.path("cpu.jsonl")
    if unit.runtime == "auto":
        _show(bench, shown)
        _run(bench, unit, shown, kept)
        if not any(message.people for message in _published(kept)):
            kept.unlink()
            raise NotMeasuredError("nobody was found in the pictures, on the CPU")
        return
    expected, output = _published(kept), bench.path("gpu.jsonl")
    _run(bench, unit, shown, output)
    missing, alone, away_px = beside(_published(output), expected)
    people = sum(len(message.people) for message in expected)
    p50, p95, p99 = timing.percentiles(away_px) if away_px else (None, None, None)
    about: dict[str, Cell] = {
        "runtime": unit.runtime,
        "precision": unit.precision,
        "crops by": unit.case,
        "pictures": len(expected),
    }
    seen: dict[str, Cell] = {"missing": missing, "people": people, "alone %": 100 * alone / people}
    far: dict[str, Cell] = {"p50 px": p50, "p95 px": p95, "p99 px": p99, "max px": max(away_px, default=None)}
    found.row({**about, **seen, **far})
    found.note(f"alone: people whom one run alone found. px: joints that score {SURE} or more on the CPU.")
    if unit.precision == "fp32":
        name = f"{unit.name} cuts"
        found.goal(Held(f"{name}: pictures missing", missing, "", Goal("<", 1), LOOK_LOST))
        found.goal(
            Held(f"{name}: people of one run alone", 100 * alone / people, "%", Goal("<", MOST_ALONE_PERCENT), LOOK)
        )
        if p95 is not None:
            found.goal(Held(f"{name}: joints apart, p95", p95, "px", Goal("<", MOST_PX[unit.case]), LOOK))


def beside(found: Sequence[PoseMessage], expected: Sequence[PoseMessage]) -> Beside:
    """Compares them picture by picture; the people of a picture that one run lost are people of the other alone."""
    alone, away_px = 0, list[float]()
    ours_of = {message.seq: message.people for message in found}
    theirs_of = {message.seq: message.people for message in expected}
    for seq in ours_of.keys() | theirs_of.keys():
        ours = np.array([person.keypoints for person in ours_of.get(seq, ())])
        people = theirs_of.get(seq, ())
        alone += abs(len(ours) - len(people))
        for person in people if len(ours) else ():
            joints = np.array(person.keypoints)
            sure = joints[:, 2] >= SURE
            apart = np.linalg.norm(ours[:, :, :2] - joints[:, :2], axis=2)
            away_px += apart[apart[:, sure].mean(axis=1).argmin(), sure].tolist() if sure.any() else []
    return Beside(len(theirs_of.keys() - ours_of.keys()), alone, away_px)


def _show(bench: Bench, shown: Path) -> None:
    count = 3 if bench.quick else PICTURES
    pictures = pictures_of(Path(bench.images), count) if bench.images else four_people(count)
    shown.mkdir(exist_ok=True)
    for i, picture in enumerate(pictures):
        cv2.imwrite(str(shown / f"{i:04}.png"), picture)


def _run(bench: Bench, unit: Unit, shown: Path, output: Path) -> None:
    """Raises NotMeasuredError where the run fails, or takes too long."""
    on_cpu, config = unit.runtime == "auto", bench.path("run.toml")
    config.write_text(
        SETTINGS.format(
            model=unit.network,
            device="cpu" if on_cpu else unit.runtime,
            precision=unit.precision,
            preprocess="cpu" if on_cpu else unit.case,
            gpu=bench.index,
            batches=list(bench.sizes),
        )
    )
    output.unlink(missing_ok=True)
    command = [sys.executable, "-m", "posestream.stream.cli.main", "run", shown, "--output", output, "--config", config]
    try:
        ended = subprocess.run(
            list(map(str, command)), check=False, capture_output=True, text=True, errors="replace",
            timeout=max(bench.left_s, 1.0),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotMeasuredError("the run took longer than was left") from None
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or ["it said nothing"]
        raise NotMeasuredError(f"the run failed: {said[-1]}")


def _published(file: Path) -> list[PoseMessage]:
    """What a run wrote; nothing where it dropped every frame, for then it makes no file."""
    lines = file.read_bytes().splitlines() if file.exists() else []
    return [msgspec.json.decode(line, type=PoseMessage) for line in lines]
