"""Accuracy of the models through a whole run: `python -m tools.evaluate --images DIR --annotations FILE`."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.evaluate import coco, stream

RUNS: Mapping[str, tuple[str, ...]] = {
    "NanoDet + Lightning (default)": ("--model", "movenet-lightning"),
    "NanoDet + Lightning, refined": ("--model", "movenet-lightning", "--refine"),
    "NanoDet + Thunder": ("--model", "movenet-thunder"),
    "NanoDet + Thunder, flip test": ("--model", "movenet-thunder", "--flip"),
    "NanoDet + Thunder, refined": ("--model", "movenet-thunder", "--refine"),
    "NanoDet + Thunder, refined, flip test": ("--model", "movenet-thunder", "--refine", "--flip"),
    "FastestDet + Thunder": ("--model", "movenet-thunder", "--detector", "fastestdet"),
    "MoveNet MultiPose": ("--model", "movenet-multipose"),
    "OpenPose MobileNet-thin": ("--model", "openpose-mobilenet-thin"),
}
"""What is scored, and the options of `posestream run` that make it."""


def main() -> int:
    """Scores every run, or those whose names hold one of the words given."""
    parser = argparse.ArgumentParser(prog="python -m tools.evaluate", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="a folder of images")
    parser.add_argument("--annotations", type=Path, required=True, metavar="FILE", help="COCO keypoint annotations")
    parser.add_argument("--only", default="", metavar="WORD", help="the runs whose names hold this word")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    args = parser.parse_args()
    rows = {
        name: evaluate(args.images, args.annotations, options)
        for name, options in RUNS.items()
        if args.only.lower() in name.lower()
    }
    if args.json:
        print(json.dumps(rows))
    else:
        Console().print(table(rows))
    return 0


def evaluate(images: Path, annotations: Path, options: tuple[str, ...]) -> dict[str, float]:
    """COCO's ten figures and the milliseconds an image, of one run."""
    outcome = stream.run(images, options)
    return {**coco.score(annotations, outcome.messages), "image_ms": outcome.image_ms}


def table(rows: Mapping[str, Mapping[str, float]]) -> Table:
    """The figures as people compare them."""
    shown = ("AP", "AP50", "AP75", "APm", "APl", "AR")
    drawn = Table("run", *shown, "ms an image", box=None, pad_edge=False)
    for name, row in rows.items():
        drawn.add_row(name, *(f"{row[figure]:.3f}" for figure in shown), f"{row['image_ms']:.0f}")
    return drawn


if __name__ == "__main__":
    sys.exit(main())
