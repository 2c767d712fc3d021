"""Accuracy of the models through a whole run: `python -m tools.evaluate --images DIR --annotations FILE`."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from engines.zoo.catalogue import find
from tools.evaluate import coco, stream
from tools.evaluate.stream import Options

THUNDER = Options("--model", "movenet-thunder")

RUNS: Mapping[str, Options] = {
    "NanoDet + Lightning (default)": Options("--model", "movenet-lightning"),
    "NanoDet + Lightning, refined": Options("--model", "movenet-lightning", "--refine"),
    "NanoDet + Thunder": THUNDER,
    "FastestDet + Thunder": Options("--model", "movenet-thunder", "--detector", "fastestdet"),
    "MoveNet MultiPose": Options("--model", "movenet-multipose"),
    "OpenPose MobileNet-thin": Options("--model", "openpose-mobilenet-thin"),
}
"""What is scored."""

_PLAIN = {"regions.crop_scale": 1.25, "regions.image_box_score": 0.3, "postprocess.same_oks": 1.0}
STEPS: Mapping[str, Options] = {
    "NanoDet + Thunder as simple as can be": THUNDER.with_settings(**_PLAIN),
    "+ of two poses alike only the better": THUNDER.with_settings(**_PLAIN | {"postprocess.same_oks": 0.6}),
    "+ tighter crops: 1.05 boxes, not 1.25": THUNDER.with_settings(**{"regions.image_box_score": 0.3}),
    "+ boxes from 0.2, not 0.3 (the default)": THUNDER,
    "  and a second pass about the torso": THUNDER.with_flags("--refine"),
    "  and a flip test": THUNDER.with_flags("--flip"),
    "  and both": THUNDER.with_flags("--refine", "--flip"),
}
"""What each step from the prototype to the default, and beyond, is worth and costs."""


def main() -> int:
    """Scores all models, or the steps to the best one."""
    parser = argparse.ArgumentParser(prog="python -m tools.evaluate", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="a folder of images")
    parser.add_argument("--annotations", type=Path, required=True, metavar="FILE", help="COCO keypoint annotations")
    parser.add_argument("--steps", action="store_true", help="score what each step to the best model is worth")
    parser.add_argument("--only", default="", metavar="WORD", help="the runs whose names hold this word")
    parser.add_argument("--model", metavar="NAME", help="score this model alone, with detector and settings by default")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="the checkpoint of --model, as `posestream run`")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    args = parser.parse_args()
    try:
        runs = _alone(args.model, args.weights) if args.model else STEPS if args.steps else RUNS
    except ValueError as error:
        parser.error(str(error))
    rows = {
        name: evaluate(args.images, args.annotations, options)
        for name, options in runs.items()
        if args.only.lower() in name.lower()
    }
    if args.json:
        print(json.dumps(rows))
    else:
        Console().print(table(rows))
    return 0


def _alone(model: str, weights: Path | None) -> Mapping[str, Options]:
    """One run of one model. Raises ValueError for one whose joints are not COCO's, or that there is not."""
    spec = find(model)
    if spec.skeleton != "coco17":
        raise ValueError(f"{spec.name} does not pose the 17 joints that COCO's figures are about")
    options = Options("--model", spec.name)
    return {spec.name: options.with_flags("--weights", str(weights.resolve())) if weights else options}


def evaluate(images: Path, annotations: Path, options: Options) -> dict[str, float]:
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
