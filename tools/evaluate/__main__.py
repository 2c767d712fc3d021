"""Scores predictions by the field's metrics, or models through a whole run of the live pipeline.

python -m tools.evaluate --dataset mpii --annotations FILE --predictions FILE    a paper's predictions
python -m tools.evaluate --images DIR --annotations FILE --model NAME            a model, as a subscriber gets it
python -m tools.evaluate --images DIR --annotations FILE [--steps]               all models, or the steps to the best
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from posestream.engines.exceptions import UnknownModelError
from tools.datasets import DatasetError, readers
from tools.datasets.records import Dataset
from tools.evaluate import live_run, present, published_predictions
from tools.evaluate.scores import METRICS, REFERENCES, THRESHOLDS, How
from tools.optional_packages import MissingPackageError, need

USAGE = 2
FAILED = 1
NEEDED_BY = {"report": "matplotlib", "results": "pyarrow"}  # asked for before the work, which may take hours


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status; what is wrong with files or options is said in one line."""
    parser = _parser()
    args = parser.parse_args(arguments)
    try:
        need(*(package for option, package in NEEDED_BY.items() if getattr(args, option) is not None))
        if args.predictions is None:
            return live_run.main(args)
        return _predictions(args)
    except (DatasetError, MissingPackageError, UnknownModelError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return USAGE
    except RuntimeError as error:  # a run of the pipeline failed, and said why
        print(f"evaluate: {error}", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", choices=METRICS, default="coco", help="what the annotations are of (coco)")
    parser.add_argument("--annotations", type=Path, metavar="FILE", help="the truth, as published")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write a page with curves and the worst images")
    parser.add_argument("--images", type=Path, metavar="DIR", help="the folder of the images")
    parser.add_argument(
        "--against", type=Path, metavar="FILE", help="compare with these predictions, or the results of another run"
    )
    files = parser.add_argument_group("a file of predictions")
    files.add_argument("--predictions", type=Path, metavar="FILE", help=".h5, .mat or .npz; .json for AP")
    files.add_argument("--metric", choices=THRESHOLDS, help="pckh for mpii, pdj for flic, pck for lsp, ap for coco")
    files.add_argument("--threshold", type=float, metavar="X", help="0.5 for pckh, pcp and ap, 0.2 for pck and pdj")
    files.add_argument("--reference", choices=REFERENCES, help="what pck and pdj measure against (torso)")
    files.add_argument("--variant", choices=("strict", "loose"), default="strict", help="of pcp (strict)")
    files.add_argument("--mean-length", action="store_true", help="pcp by each limb's mean length over the set")
    files.add_argument(
        "--centric",
        choices=("person", "observer"),
        help="whose left the truth's is made before scoring (observer for flic, as published, else person)",
    )
    files.add_argument("--head", choices=("top", "server"), default="top", help="the column Head of PCKh (top)")
    files.add_argument(
        "--origin", type=int, choices=(0, 1), help="the first pixel's number (1 for .mat and .h5, else 0)"
    )
    files.add_argument(
        "--split",
        choices=("train", "val", "test", "all"),
        help="of the annotations (test, where they have it and train)",
    )
    files.add_argument("--key", default="", metavar="NAME", help="the array in the file")
    files.add_argument("--joints", default="", metavar="ORDER", help="a skeleton, or names of joints between commas")
    live_run.add_arguments(parser)
    return parser


def _predictions(args: argparse.Namespace) -> int:
    if args.annotations is None:
        raise DatasetError("predictions are scored against --annotations FILE")
    how = _how(args)
    truth = _split(readers.read(args.dataset, args.annotations, args.images), args.split)
    options = {"key": args.key, "joints": args.joints, "origin": args.origin}
    scored = [published_predictions.score(truth, args.predictions, how, **options)]
    if args.against is not None:
        scored.append(published_predictions.score(truth, args.against, how, **options))
    present.present(args, truth, scored)
    return 0


def _split(truth: Dataset, asked: str | None) -> Dataset:
    """The images of a split: of a file that has people for training and for test, those for test."""
    splits = {image.split for image in truth.images}
    split = asked or ("test" if {"train", "test"} <= splits and truth.name != "mpii" else "all")
    if split == "all":
        return truth
    if split not in splits:
        raise DatasetError(
            f"--split {split}: {truth.source} has {', '.join(sorted(filter(None, splits))) or 'no splits'}"
        )
    chosen = truth.only(split)
    print(f"{truth.source.name}: {sum(1 for _ in chosen.people())} people of the {split} split", file=sys.stderr)
    return chosen


def _how(args: argparse.Namespace) -> How:
    metric = args.metric or METRICS[args.dataset][0]
    if metric not in METRICS[args.dataset]:
        raise DatasetError(f"--metric {metric}: {args.dataset} is scored by {', '.join(METRICS[args.dataset])}")
    threshold = THRESHOLDS[metric] if args.threshold is None else args.threshold
    if not threshold > 0:
        raise DatasetError(f"--threshold {threshold}: expected more than 0")
    reference = "head" if metric == "pckh" else args.reference or "torso"
    observer = (args.centric or ("observer" if args.dataset == "flic" else "person")) == "observer"
    return How(metric, threshold, reference, args.variant, args.mean_length, observer, args.head == "server")


if __name__ == "__main__":
    sys.exit(main())
