"""COCO's ten figures: equal to pycocotools, and by hand for its special cases."""

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posestream.engines.metrics import coco_ap
from posestream.engines.skeletons import COCO17

SIGMAS = COCO17.sigmas
Records = list[dict[str, Any]]


def a_set(seed: int, images: int, *, round_scores: bool) -> tuple[Records, Records]:
    """People and poses, with crowds, duplicates, empty images, equal scores, more than 20 poses in an image."""
    rng = np.random.default_rng(seed)
    people: Records = []
    poses: Records = []
    for image in range(images):
        for _ in range(rng.integers(0, 6)):
            side = 10 ** rng.uniform(0.8, 2.4)
            middle = rng.uniform(0, 600, 2)
            keypoints = (middle + rng.uniform(-0.5, 0.5, (17, 2)) * side).round()
            seen = rng.integers(0, 3, 17) * (rng.random() < 0.9)
            people += [a_person(image, keypoints, seen, side, crowd=rng.random() < 0.1)] * rng.integers(1, 3)
            for _ in range(24 if rng.random() < 0.05 else rng.integers(0, 3)):
                off = rng.normal(0, side * 0.03, (17, 2)) * rng.integers(0, 3)
                poses.append(a_pose(image, keypoints + off, round(float(rng.random()), 1 if round_scores else 9)))
        poses += [a_pose(image, rng.uniform(0, 600, (17, 2)), 0.5)] * rng.integers(0, 2)
    return [{**person, "id": i} for i, person in enumerate(people, 1)], poses


def a_person(image: int, keypoints: Any, seen: Any, side: float, *, crowd: bool = False) -> dict[str, Any]:
    joints = np.column_stack([keypoints * (seen[:, None] > 0), seen])
    left, top = keypoints.mean(axis=0) - side / 2
    return {
        "image_id": image,
        "category_id": 1,
        "keypoints": joints.ravel().tolist(),
        "num_keypoints": int((seen > 0).sum()),
        "bbox": [float(left), float(top), side, side],
        "area": 0.6 * side * side,
        "iscrowd": int(crowd),
    }


def a_pose(image: int, keypoints: Any, score: float) -> dict[str, Any]:
    flat = np.column_stack([keypoints, np.ones(17)]).ravel().tolist()
    return {"image_id": image, "category_id": 1, "keypoints": flat, "score": score}


def official(people: Records, poses: Records, images: int) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {"images": [{"id": i} for i in range(images)], "categories": [{"id": 1}], "annotations": people}
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(poses), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(figure) for figure in evaluation.stats]


def ours(people: Records, poses: Records) -> dict[str, float]:
    return coco_ap.score(*of_records(people, poses), SIGMAS)


def of_records(people: Records, poses: Records) -> tuple[coco_ap.People, coco_ap.Found]:
    joints = np.array([person["keypoints"] for person in people], float).reshape(-1, 17, 3)
    boxes = np.array([person["bbox"] for person in people], float).reshape(-1, 4)
    who = coco_ap.People(
        np.array([person["image_id"] for person in people], np.int64),
        joints[..., :2],
        joints[..., 2] > 0,
        np.array([person["area"] for person in people], float),
        np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1),
        np.array([person["iscrowd"] for person in people], bool),
    )
    found = coco_ap.Found(
        np.array([pose["image_id"] for pose in poses], np.int64),
        np.array([pose["keypoints"] for pose in poses], float).reshape(-1, 17, 3)[..., :2],
        np.array([pose["score"] for pose in poses], float),
    )
    return who, found


@pytest.mark.parametrize("round_scores", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_the_figures_are_those_of_pycocotools(seed: int, round_scores: bool) -> None:
    people, poses = a_set(seed, 40, round_scores=round_scores)
    assert list(ours(people, poses)) == list(coco_ap.FIGURES)
    assert np.abs(np.array(official(people, poses, 40)) - list(ours(people, poses).values())).max() < 1e-12


def by_the_definition(people: Records, poses: Records, threshold: float) -> float:
    """AP at one threshold, people of all sizes: poses one by one over lists, and the 101 recalls one by one."""
    ranked, wanted = [], sum(1 for p in people if p["num_keypoints"] and not p["iscrowd"])
    for image in sorted({r["image_id"] for r in people + poses}):
        here = [p for p in people if p["image_id"] == image]
        free = dict.fromkeys(range(len(here)), True)
        for pose in sorted((p for p in poses if p["image_id"] == image), key=lambda p: -p["score"])[:20]:
            best, best_similarity = None, min(threshold, 1 - 1e-10)
            for ignored in (False, True):
                for g, person in enumerate(here):
                    to_ignore = bool(person["iscrowd"]) or not person["num_keypoints"]
                    if to_ignore is ignored and (free[g] or person["iscrowd"]):
                        alike = similarity(person, pose)
                        if alike >= best_similarity:
                            best, best_similarity = g, alike
                if best is not None:
                    break
            if best is not None:
                free[best] = False
            counts = best is None or (here[best]["num_keypoints"] > 0 and not here[best]["iscrowd"])
            ranked += [(pose["score"], best is not None)] if counts else []
    ranked.sort(key=lambda each: -each[0])
    right, curve = 0, []
    for n, (_, is_right) in enumerate(ranked, 1):
        right += is_right
        curve.append((right / wanted, right / n))
    return float(np.mean([max((p for r, p in curve if r >= recall), default=0) for recall in np.linspace(0, 1, 101)]))


def similarity(person: dict[str, Any], pose: dict[str, Any]) -> float:
    left, top, width, height = person["bbox"]
    terms = []
    for k in range(17):
        x, y, seen = person["keypoints"][3 * k : 3 * k + 3]
        found_x, found_y = pose["keypoints"][3 * k : 3 * k + 2]
        if person["num_keypoints"] == 0:
            dx = max(0, left - width - found_x) + max(0, found_x - left - 2 * width)
            dy = max(0, top - height - found_y) + max(0, found_y - top - 2 * height)
        elif seen:
            dx, dy = found_x - x, found_y - y
        else:
            continue
        terms.append(np.exp(-(dx * dx + dy * dy) / (2 * person["area"] * (2 * SIGMAS[k]) ** 2)))
    return float(np.mean(terms))


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_its_definition_pose_by_pose(seed: int) -> None:
    people, poses = a_set(seed + 100, 15, round_scores=False)
    figures = ours(people, poses)
    assert figures["AP50"] == pytest.approx(by_the_definition(people, poses, 0.5), abs=1e-12)
    assert figures["AP75"] == pytest.approx(by_the_definition(people, poses, 0.75), abs=1e-12)


ALL_SEEN = np.full(17, 2)
SOMEBODY = np.random.default_rng(5).uniform(0, 200, (17, 2)).round()


def test_one_of_two_people_found_is_half_the_recall() -> None:
    people = [a_person(0, SOMEBODY, ALL_SEEN, 200), a_person(0, SOMEBODY + 300, ALL_SEEN, 200)]
    figures = ours(people, [a_pose(0, SOMEBODY, 0.9)])
    assert figures["AR"] == 0.5
    assert figures["AP"] == pytest.approx(51 / 101)  # recalls 0, 0.01 ... 0.5


def test_a_false_pose_costs_precision_only_where_it_scores_higher() -> None:
    people, right = [a_person(0, SOMEBODY, ALL_SEEN, 200)], a_pose(0, SOMEBODY, 0.5)
    assert ours(people, [right, a_pose(0, SOMEBODY + 400, 0.4)])["AP"] == pytest.approx(1)
    assert ours(people, [right, a_pose(0, SOMEBODY + 400, 0.6)])["AP"] == pytest.approx(0.5)


def test_the_twenty_first_pose_of_an_image_does_not_count() -> None:
    people = [a_person(0, SOMEBODY, ALL_SEEN, 200)]
    others = [a_pose(0, SOMEBODY + 1000, 0.9)] * 20
    assert ours(people, [*others, a_pose(0, SOMEBODY, 0.1)])["AR"] == 0
    assert ours(people, [*others[1:], a_pose(0, SOMEBODY, 0.1)])["AR"] == 1


def test_what_takes_a_crowd_is_neither_right_nor_wrong_and_many_may() -> None:
    people = [a_person(0, SOMEBODY, ALL_SEEN, 200, crowd=True), a_person(1, SOMEBODY, ALL_SEEN, 200)]
    poses = [a_pose(0, SOMEBODY, 0.9), a_pose(0, SOMEBODY, 0.8), a_pose(1, SOMEBODY, 0.1)]
    assert ours(people, poses)["AP"] == pytest.approx(1)


def test_people_are_large_or_medium_by_the_area_of_their_segment() -> None:
    figures = ours([a_person(0, SOMEBODY, ALL_SEEN, 200)], [a_pose(0, SOMEBODY, 0.9)])
    assert (figures["APl"], figures["APm"]) == pytest.approx((1, -1))


def test_nobody_to_find_is_not_zero() -> None:
    assert set(ours([], []).values()) == {-1.0}
    assert ours([], [a_pose(0, SOMEBODY, 0.5)])["AP"] == -1


def test_somebody_to_find_and_nothing_found_is_zero() -> None:
    assert ours([a_person(0, SOMEBODY, ALL_SEEN, 200)], [])["AP"] == 0
