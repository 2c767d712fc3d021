"""On a video: regions that follow people from frame to frame, against detection in every frame.

Nobody has annotated the video, so what is measured is agreement and not accuracy: the poses of the run that looks for
people in every frame are taken for the truth, a person's area for that of the pose's box.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.table import Table

from posestream.engines.metrics import coco_ap
from posestream.stream.published import PoseMessage
from tools.datasets import DatasetError
from tools.evaluate import shown, stream
from tools.evaluate.ap import SIGMAS
from tools.evaluate.run_list import alone
from tools.evaluate.stream import Options


def main(args: argparse.Namespace) -> int:
    """Runs both, and prints what each took and how far they agree."""
    if args.video is None or not args.video.is_file():
        raise DatasetError(f"--compare following: give a video with --video FILE, got {args.video}")
    base = alone(args.model or "movenet-lightning", args.weights)
    every = _run(args.video, base.with_flags("--detect-every", "1"))
    follows = _run(args.video, base)
    agreed = agreement(every.messages, follows.messages)
    rows = {
        "detection in every frame": {"people a frame": _people(every.messages), "ms a frame": every.frame_ms},
        "regions that follow": {"people a frame": _people(follows.messages), "ms a frame": follows.frame_ms, **agreed},
    }
    print(json.dumps(rows)) if args.json else shown.console().print(_table(rows))
    return 0


def agreement(truth: Sequence[PoseMessage], found: Sequence[PoseMessage]) -> dict[str, float]:
    """AP and AR of COCO, 0 to 1, of the poses of one run, those of another being taken for true."""
    there, posed = ([(m.seq, person) for m in messages for person in m.people] for messages in (truth, found))
    keypoints = np.array([person.keypoints for _, person in there], np.float64).reshape(-1, len(SIGMAS), 3)
    boxes = np.array([person.box_xyxy for _, person in there], np.float64).reshape(-1, 4)
    people = coco_ap.People(
        np.array([seq for seq, _ in there], np.int64),
        keypoints[..., :2],
        keypoints[..., 2] > 0,
        (boxes[:, 2:] - boxes[:, :2]).prod(axis=1),
        boxes,
        np.zeros(len(there), np.bool_),
    )
    others = np.array([person.keypoints for _, person in posed], np.float64).reshape(-1, len(SIGMAS), 3)
    poses = coco_ap.Found(
        np.array([seq for seq, _ in posed], np.int64),
        others[..., :2],
        np.array([person.score for _, person in posed], np.float64),
    )
    figures = coco_ap.score(people, poses, SIGMAS)
    return {"AP of agreement": figures["AP"], "AR of agreement": figures["AR"]}


def _run(file: Path, options: Options) -> stream.Outcome:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "poses.jsonl"
        stream.run(file, options, output)
        return stream.read(output)


def _people(messages: Sequence[PoseMessage]) -> float:
    return sum(len(message.people) for message in messages) / max(len(messages), 1)


def _table(rows: dict[str, dict[str, float]]) -> Table:
    columns = list(rows["regions that follow"])
    drawn = Table("", *columns, box=None, pad_edge=False)
    for name, row in rows.items():
        drawn.add_row(name, *(f"{row[column]:.2f}" if column in row else "-" for column in columns))
    return drawn
