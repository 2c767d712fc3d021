"""Models through the live pipeline's own processes, scored: what a user of the stream gets."""

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from tools.datasets import DatasetError, crowd_poses, readers
from tools.datasets.records import Dataset
from tools.evaluate import ap, following, keep, parts, present, published_predictions, shown
from tools.evaluate.published_predictions import Scored
from tools.evaluate.run_list import RUNS, STEPS, alone
from tools.evaluate.scores import How
from tools.evaluate.stream import Options

_AP = How("ap", 0.5, "oks")

COMPARED: Mapping[str, tuple[str, ...]] = {
    "flip": ("--flip",),
    "refine": ("--refine",),
    "int8": ("--precision", "int8"),
}
"""What a model can be compared with itself by: the flags that make the difference."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this way to score."""
    group = parser.add_argument_group("a model, through the live pipeline (COCO's annotations)")
    group.add_argument("--model", metavar="NAME", help="this model alone, with detector and settings by default")
    group.add_argument("--weights", type=Path, metavar="FILE", help="its checkpoint, as `posestream run` takes it")
    for flag, what in {"--flip": "pose everybody mirrored too", "--refine": "pose everybody twice"}.items():
        group.add_argument(flag, action="store_true", help=what)
    group.add_argument("--precision", choices=("fp32", "int8"), help="of its network (fp32)")
    group.add_argument(
        "--compare",
        choices=(*COMPARED, "following"),
        help="run it with and without, side by side; following: on --video, regions that follow people beside "
        "detection in every frame",
    )
    group.add_argument("--video", type=Path, metavar="FILE", help="of --compare following")
    group.add_argument("--workers", type=int, default=1, metavar="N", help="runs side by side (1)")
    group.add_argument(
        "--results", type=Path, metavar="DIR", help="keep the results there; go on if they are unfinished"
    )
    group.add_argument("--steps", action="store_true", help="score what each step to the best model is worth")
    group.add_argument("--only", default="", metavar="WORD", help="the runs whose names hold this word")


def main(args: argparse.Namespace) -> int:
    """Scores one model, a model beside itself, or the tables."""
    if args.dataset != "coco":
        raise DatasetError(
            f"--dataset {args.dataset}: models are scored on coco; give --predictions for {args.dataset}"
        )
    if args.workers < 1:
        raise DatasetError(f"--workers {args.workers}: expected 1 or more")
    if args.compare == "following":
        return following.main(args)
    if args.images is None or args.annotations is None:
        raise DatasetError("a model is scored on --images DIR with --annotations FILE, a file of --predictions without")
    truth = readers.read("coco", args.annotations)
    if args.model is None:
        rows = {
            name: figures(truth, args.images, options, name)
            for name, options in (STEPS if args.steps else RUNS).items()
            if args.only.lower() in name.lower()
        }
        print(json.dumps(rows)) if args.json else shown.console().print(table(rows))
        return 0
    options = alone(args.model, args.weights)
    options = options.with_flags(*(f"--{name}" for name in ("flip", "refine") if getattr(args, name)))
    options = options.with_flags("--precision", args.precision) if args.precision else options
    scored = [_scored(args, truth, options, args.results)]
    if args.compare:
        changed = options.with_flags(*COMPARED[args.compare])
        beside = args.results and args.results.with_name(f"{args.results.name}-{args.compare}")
        scored.insert(0, _scored(args, truth, changed, beside))
    elif args.against is not None:
        file = args.against / keep.RESULTS if args.against.is_dir() else args.against
        scored.append(published_predictions.of_poses(str(args.against), truth, crowd_poses.read(file, truth), _AP))
    present.present(args, truth, scored)
    return 0


def figures(truth: Dataset, images: Path, options: Options, label: str = "") -> dict[str, float]:
    """COCO's ten figures and the milliseconds an image, of one run."""
    with tempfile.TemporaryDirectory() as folder:
        posed = parts.pose(truth, images, options, Path(folder), label)
    scored = published_predictions.of_poses(label, truth, ap.of_messages(truth, posed.messages), _AP)
    return {**(scored.figures or {}), "image_ms": posed.image_ms}


def _scored(args: argparse.Namespace, truth: Dataset, options: Options, results: Path | None) -> Scored:
    label = " ".join(options.flags).removeprefix("--model ")
    with tempfile.TemporaryDirectory() as folder:
        posed = parts.pose(truth, args.images, options, results or Path(folder), label, args.workers)
    found = ap.of_messages(truth, posed.messages)
    scored = published_predictions.of_poses(label, truth, found, _AP, image_ms=posed.image_ms)
    if results is not None:
        keep.write(results, truth, found, scored)
    return scored


def table(rows: Mapping[str, Mapping[str, float]]) -> Table:
    """The figures as people compare them."""
    shown = ("AP", "AP50", "AP75", "APm", "APl", "AR")
    drawn = Table("run", *shown, "ms an image", box=None, pad_edge=False)
    for name, row in rows.items():
        drawn.add_row(name, *(f"{row[figure]:.3f}" for figure in shown), f"{row['image_ms']:.0f}")
    return drawn
