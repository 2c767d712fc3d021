"""What is run: one model, or the runs whose figures the README shows."""

from collections.abc import Mapping
from pathlib import Path

from posestream.engines.zoo.catalogue import find
from tools.datasets import DatasetError
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


def alone(model: str, weights: Path | None) -> Options:
    """One model. Raises DatasetError for one whose joints are not COCO's, UnknownModelError for one that is not."""
    spec = find(model)
    if spec.skeleton != "coco17":
        raise DatasetError(f"{spec.name} does not pose the 17 joints that COCO's figures are about")
    options = Options("--model", spec.name)
    return options.with_flags("--weights", str(weights.resolve())) if weights else options
