"""The images on which a run did worst, with truth and prediction drawn over them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posestream.engines.skeletons import Skeleton
from tools.datasets.crowd_poses import FoundPoses
from tools.datasets.records import Image
from tools.evaluate.published_predictions import Scored

TRUE_BGR, FOUND_BGR = (74, 128, 18), (12, 65, 234)
_SIDE_PX = 640
_AROUND = 0.25  # of the people's box, shown beside it


@dataclass(frozen=True, slots=True, eq=False)
class Bad:
    """An image with how bad it is, and what was found in it: keypoints (P, K, 2), NaN where nothing was found."""

    image: Image
    badness: float
    what: str
    found: NDArray[np.float64]


def worst(scored: Scored, count: int) -> list[Bad]:
    """The worst first: most false or missed joints for single people, most false and missed people for crowds."""
    listed = _by_image(scored) if isinstance(scored.found, FoundPoses) else _by_person(scored)
    return sorted((bad for bad in listed if bad.badness > 0), key=lambda bad: -bad.badness)[:count]


def drawn(bad: Bad, skeleton: Skeleton, folder: Path) -> NDArray[np.uint8] | None:
    """The people of the image with their surroundings, BGR; None where the image cannot be read."""
    picture = cv2.imread(str(folder / bad.image.file), cv2.IMREAD_COLOR) if bad.image.file else None
    if picture is None:
        return None
    true = np.array([person.keypoints for person in bad.image.people]).reshape(-1, len(skeleton), 2)
    left, top, right, bottom = _view([true, bad.found], picture.shape[:2])
    part: NDArray[np.uint8] = np.asarray(picture, np.uint8)[top:bottom, left:right]
    scale = _SIDE_PX / max(part.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    part = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=how), np.uint8)
    for people, colour in ((true, TRUE_BGR), (bad.found, FOUND_BGR)):
        for person in people:
            _draw(part, (person - (left, top) + 0.5) * scale - 0.5, skeleton, colour)
    return part


def _by_person(scored: Scored) -> Iterable[Bad]:
    assert not isinstance(scored.found, FoundPoses)
    assert scored.score is not None
    found, score = scored.found.of(scored.truth.skeleton), scored.score
    if score.units is None:
        return
    images = [image for image in scored.truth.images for _ in image.people]
    wrong, counted = score.units > score.how.threshold, ~np.isnan(score.units)
    for i, image in enumerate(images):
        what = f"{int(wrong[i].sum())} of {int(counted[i].sum())} joints wrong"
        yield Bad(
            image, float(wrong[i].sum()) + float(np.nansum(np.minimum(score.units[i], 9))) / 1000, what, found[[i]]
        )


def _by_image(scored: Scored) -> Iterable[Bad]:
    assert isinstance(scored.found, FoundPoses)
    images = {image.number: image for image in scored.truth.images}
    for outcome in scored.outcomes or ():
        sure = outcome.scores >= 0.3  # a pose with less hardly costs anything, and hides the picture
        missed = int(outcome.wanted[0]) - int(outcome.right[0, 0].sum())
        false = int((outcome.wrong[0, 0] & sure).sum())
        here = (scored.found.images == outcome.image) & (scored.found.scores >= 0.3)
        places = scored.found.keypoints[here]
        found = np.where(places[..., 2:] > 0.2, places[..., :2], np.nan)
        yield Bad(images[outcome.image], missed + false, f"{missed} people missed, {false} false", found)


def _view(people: Sequence[NDArray[np.float64]], size_hw: tuple[int, ...]) -> tuple[int, int, int, int]:
    places = np.concatenate([group.reshape(-1, 2) for group in people])
    places = places[~np.isnan(places).any(axis=1)]
    if not len(places):
        return 0, 0, size_hw[1], size_hw[0]
    low, high = places.min(axis=0), places.max(axis=0)
    beside = _AROUND * max(float((high - low).max()), 40)
    limits = np.array(size_hw[::-1])
    left, top = np.clip(low - beside, 0, limits - 2).astype(int)
    right, bottom = np.clip(high + beside, (left + 2, top + 2), limits).astype(int)
    return int(left), int(top), int(right), int(bottom)


def _draw(
    picture: NDArray[np.uint8], person: NDArray[np.float64], skeleton: Skeleton, colour: tuple[int, int, int]
) -> None:
    known = np.logical_not(np.isnan(person).any(axis=-1))
    points = [
        (round(x), round(y)) if there else None for (x, y), there in zip(np.nan_to_num(person), known, strict=True)
    ]
    for a, b in skeleton.edges:
        if (one := points[a]) and (other := points[b]):
            cv2.line(picture, one, other, colour, 2, cv2.LINE_AA)
    for point in points:
        if point:
            cv2.circle(picture, point, 4, colour, -1, cv2.LINE_AA)
