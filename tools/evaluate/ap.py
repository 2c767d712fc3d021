"""Average precision of several people an image: COCO's ten figures, and MPII's by joint."""

from collections.abc import Mapping

import numpy as np

from posestream.engines.metrics import coco_ap, mpii_ap, pckh
from posestream.engines.skeletons import COCO17
from posestream.stream.published import PoseMessage
from tools.datasets import DatasetError
from tools.datasets.crowd_poses import FoundPoses
from tools.datasets.records import Dataset

SIGMAS = COCO17.sigmas


def coco_outcomes(truth: Dataset, found: FoundPoses) -> list[coco_ap.Outcome]:
    """What became of every image in which somebody is or was found, in the order of their numbers."""
    return coco_ap.outcomes(_coco_people(truth), _coco_found(found), SIGMAS)


def of_messages(truth: Dataset, messages: Mapping[str, PoseMessage]) -> FoundPoses:
    """What a run published, by the file names of the truth's images; an image without a message has no poses."""
    found = [
        (image.number, person.keypoints, person.score)
        for image in truth.images
        if image.file in messages
        for person in messages[image.file].people
    ]
    keypoints = np.array([keypoints for _, keypoints, _ in found], np.float64).reshape(-1, len(truth.skeleton), 3)
    numbers, scores = [number for number, _, _ in found], [score for _, _, score in found]
    return FoundPoses(np.array(numbers, np.int64), keypoints, np.array(scores, np.float64))


def mpii(truth: Dataset, found: FoundPoses, threshold: float) -> dict[str, float]:
    """MPII's AP in percent by joint that is scored. Raises DatasetError where a head's size is not known."""
    scored = [truth.skeleton.joints.index(joint) for joint in pckh.SCORED]
    people = [(image.number, person) for image in truth.images for person in image.people if person.labelled.any()]
    for number, person in people:
        if person.head_px is None:
            raise DatasetError(f"{truth.source}: image {number}: a person has no head box: give MPII's release")
    numbers = np.array([number for number, _ in people], np.int64)
    keypoints = np.array([person.keypoints for _, person in people]).reshape(-1, len(truth.skeleton), 2)[:, scored]
    there = mpii_ap.People(numbers, keypoints, np.array([person.head_px for _, person in people], np.float64))
    places, scores = found.keypoints[:, scored, :2].copy(), found.keypoints[:, scored, 2]
    places[scores <= 0] = np.nan  # with us a joint that was not found has the score 0
    aps = mpii_ap.average_precisions(there, mpii_ap.Found(found.images, places, scores), threshold)
    return dict(zip(pckh.SCORED, map(float, aps), strict=True))


def _coco_people(truth: Dataset) -> coco_ap.People:
    people = [(image.number, person) for image in truth.images for person in image.people]
    keypoints = np.array([person.keypoints for _, person in people]).reshape(-1, len(truth.skeleton), 2)
    labelled = np.logical_not(np.isnan(keypoints).any(axis=-1))
    return coco_ap.People(
        np.array([number for number, _ in people], np.int64),
        np.where(labelled[..., None], keypoints, 0),
        labelled,
        np.array([person.area_px2 for _, person in people], np.float64),
        np.array([person.box_xyxy for _, person in people], np.float64).reshape(-1, 4) + 0.5,  # as COCO has them
        np.array([person.crowd for _, person in people], np.bool_),
    )


def _coco_found(found: FoundPoses) -> coco_ap.Found:
    return coco_ap.Found(found.images, found.keypoints[..., :2], found.scores)
