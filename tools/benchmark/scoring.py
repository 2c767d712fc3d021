"""From truth and predictions to a score: COCO's figures and PCKh, of sets as large as the real ones."""

from collections.abc import Callable

import numpy as np

from posestream.engines.metrics import coco_ap
from posestream.engines.metrics.pckh import pckh
from posestream.engines.skeletons import COCO17, MPII16
from tools.benchmark.figures import Figure, Goal, Result
from tools.benchmark.timing import median_ms

IMAGES, PEOPLE = 5_000, 11_000
MPII_PEOPLE = 3_000
_CALLS = 3


def measure(repeats: int, quick: bool) -> Result:
    """A repeat is the median over three calls."""
    images, people = (IMAGES // 50, PEOPLE // 50) if quick else (IMAGES, PEOPLE)
    rng = np.random.default_rng(0)
    there, found = _coco(rng, images, people)
    sigmas = COCO17.sigmas
    truth = rng.uniform(0, 500, (MPII_PEOPLE, len(MPII16), 2))
    near = truth + rng.normal(0, 10, truth.shape)
    heads = np.tile([0.0, 0.0, 30.0, 40.0], (MPII_PEOPLE, 1))
    return Result(
        what=f"COCO AP of {people:,} people in {images:,} images, PCKh of {MPII_PEOPLE:,} people; one process",
        figures=[
            Figure("COCO AP", "s", _times(repeats, lambda: coco_ap.score(there, found, sigmas)), Goal("<", 10)),
            Figure("PCKh", "s", _times(repeats, lambda: pckh(near, truth, heads)), Goal("<", 0.1)),
        ],
    )


def _coco(rng: np.random.Generator, images: int, people: int) -> tuple[coco_ap.People, coco_ap.Found]:
    """People of all sizes, and 1.5 poses of each, from exact to far off."""
    sides = 10 ** rng.uniform(1.2, 2.4, people)
    keypoints = rng.uniform(0, 400, (people, 1, 2)) + rng.uniform(0, 1, (people, 17, 2)) * sides[:, None, None]
    where = rng.integers(0, images, people)
    boxes = np.concatenate([keypoints.min(axis=1), keypoints.max(axis=1)], axis=1)
    labelled = rng.random((people, 17)) < 0.8
    there = coco_ap.People(where, keypoints, labelled, 0.6 * sides**2, boxes, rng.random(people) < 0.02)
    which = np.concatenate([np.arange(people), rng.integers(0, people, people // 2)])
    off = rng.normal(0, 1, (len(which), 17, 2)) * (sides[which] * rng.uniform(0, 0.15, len(which)))[:, None, None]
    return there, coco_ap.Found(where[which], keypoints[which] + off, rng.random(len(which)))


def _times(repeats: int, call: Callable[[], object]) -> list[float]:
    return [median_ms(call, _CALLS) / 1000 for _ in range(repeats)]
