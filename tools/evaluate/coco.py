"""COCO keypoint AP of what a run published, by the official pycocotools."""

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from stream.messages import Person, PoseMessage

FIGURES = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")
_PERSON = 1  # COCO's category


def score(annotations: Path, messages: Mapping[str, PoseMessage]) -> dict[str, float]:
    """The ten figures, in 0-1, of messages by image file name; an image without a message has no detections."""
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports on standard output
        truth = COCO(str(annotations))
        found = [
            {"image_id": image["id"], "category_id": _PERSON, "keypoints": _flat(person), "score": person.score}
            for image in truth.dataset["images"]
            if image["file_name"] in messages
            for person in messages[image["file_name"]].people
        ]
        if not found:
            return dict.fromkeys(FIGURES, 0.0)
        evaluation = COCOeval(truth, truth.loadRes(found), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(FIGURES, map(float, evaluation.stats), strict=True))


def _flat(person: Person) -> list[float]:
    return [value for keypoint in person.keypoints for value in keypoint]
