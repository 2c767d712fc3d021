"""Whether whole runs on the GPU publish the poses that a run on the CPU publishes."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import msgspec
import numpy as np

import posestream
from posestream.stream.published import PoseMessage
from tools.benchmark.figures import Goal, NotMeasuredError
from tools.benchmark.footage import four_people
from tools.benchmark.timing import percentiles
from tools.gpu_check.findings import Findings
from tools.gpu_check.people import pictures_of
from tools.gpu_check.unit import Bench, Unit
from tools.gpu_check.whole_runs import settings

PICTURES, FEW_PICTURES = 60, 2
SURE = 0.3
MISSING, ALONE_PERCENT = Goal("<", 1), Goal("<", 2.0)
P95_PX = {"cpu": Goal("<", 0.1), "cuda": Goal("<", 1.0)}
"""In fp32, by who cuts: the GPU's crops may be a level of brightness off, and where that makes another cell of a map
the largest, a joint moves by a cell, several pixels.

fp16 has no goal here: a box that is a hair off moves a whole crop. `agreement` holds it on the same crops.
"""

LOOK = "does agreement hold in fp32? Then it is the crops, else the engine"
LOOK_LOST = "the log of such a run: posestream run FOLDER --device tensorrt --output poses.jsonl"


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
    shown, kept = bench.path("pictures"), bench.path("cpu.json")
    if unit.runtime == "cpu":
        _write_pictures(bench, shown)
        messages = _run(bench, unit, shown)
        if not any(message.people for message in messages):
            raise NotMeasuredError("nobody was found in the pictures, on the CPU")
        kept.write_bytes(msgspec.json.encode(messages))
        return
    expected = msgspec.json.decode(kept.read_bytes(), type=list[PoseMessage])
    missing, alone, away_px = beside(_run(bench, unit, shown), expected)
    people = sum(len(message.people) for message in expected)
    alone_percent = 100 * alone / people
    away = percentiles(away_px, "px") if away_px else dict.fromkeys(("p50 px", "p95 px", "p99 px"))
    found.row(
        {"runtime": unit.runtime, "precision": unit.precision, "crops by": unit.case, "pictures": len(expected)},
        {"missing": missing, "people": people, "alone %": alone_percent},
        away,
        {"max px": max(away_px, default=None)},
    )
    found.note(f"alone: people whom one run alone found. px: joints that score {SURE} or more on the CPU.")
    if unit.precision == "fp32":
        name, p95_px = f"{unit.name} cuts", away["p95 px"]
        found.goal(f"{name}: pictures missing", missing, "", MISSING, LOOK_LOST)
        found.goal(f"{name}: people of one run alone", alone_percent, "%", ALONE_PERCENT, LOOK)
        if p95_px is not None:
            found.goal(f"{name}: joints apart, p95", p95_px, "px", P95_PX[unit.case], LOOK)


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


def _write_pictures(bench: Bench, shown: Path) -> None:
    count = FEW_PICTURES if bench.quick else PICTURES
    shown.mkdir(exist_ok=True)
    for i, picture in enumerate(pictures_of(bench.images, count) if bench.images else four_people(count)):
        cv2.imwrite(str(shown / f"{i:04}.png"), picture)


def _run(bench: Bench, unit: Unit, shown: Path) -> list[PoseMessage]:
    """What a run of the pictures publishes. Raises RunError."""
    more = {"run.realtime": False, "preprocess.device": unit.case, "smooth.enabled": False}
    with posestream.run(shown, settings={**settings(bench, unit), **more}) as run:
        return [frame.raw for frame in run]
