"""Skeletons in pictures."""

import msgspec
import numpy as np
import pytest

from engines.skeletons import COCO17, SKELETONS
from stream.appearance import colour_rgb, side
from stream.messages import Person
from stream.pictures import Picture
from stream.sinks.draw import draw_people
from tests.stream.publisher import person

LEFT_SHIN, RIGHT_SHIN, HIPS = (15, 13), (16, 14), (11, 12)


def room() -> Picture:
    return np.zeros((240, 320, 3), np.uint8)


def middle(someone: Person, limb: tuple[int, int]) -> tuple[int, int]:
    """Row and column of the middle of a limb."""
    (ax, ay, _), (bx, by, _) = (someone.keypoints[joint] for joint in limb)
    return round((ay + by) / 2), round((ax + bx) / 2)


@pytest.mark.parametrize("limb", [LEFT_SHIN, RIGHT_SHIN, HIPS])
def test_limbs_have_the_colour_of_their_person_and_side(limb: tuple[int, int]) -> None:
    picture, someone = room(), person(id=3, size=200, y=30)
    draw_people(picture, [someone], 0.2)
    assert tuple(picture[middle(someone, limb)][::-1]) == colour_rgb(3, side(COCO17, limb))


def test_sides_and_people_look_different() -> None:
    looks = {colour_rgb(identity, of) for identity in range(10) for of in ("left", "middle", "right")}
    assert len(looks) == 30


@pytest.mark.parametrize("name", SKELETONS)
def test_every_skeleton_has_limbs_on_both_sides(name: str) -> None:
    skeleton = SKELETONS[name]
    sides = [side(skeleton, edge) for edge in skeleton.edges]
    assert sides.count("left") == sides.count("right") > 0


def test_keypoints_below_the_score_are_not_drawn_nor_their_limbs() -> None:
    picture, someone = room(), person(id=None)
    unsure = msgspec.structs.replace(someone, keypoints=[(x, y, 0.19) for x, y, _ in someone.keypoints])
    draw_people(picture, [unsure], 0.2)
    assert not picture.any()


def test_lines_are_wider_on_larger_people() -> None:
    covered = []
    for size in (50, 100, 200):
        picture = room()
        draw_people(picture, [person(size=size, y=20, id=None)], 0.2)
        covered.append(np.count_nonzero(picture.any(axis=2)) / size)
    assert covered[0] < covered[1] < covered[2]


def test_an_identity_is_written_beside_the_person_and_nothing_where_there_is_none() -> None:
    anonymous, known = room(), room()
    draw_people(anonymous, [person(id=None, y=120)], 0.2)
    draw_people(known, [person(id=0, y=120)], 0.2)  # 0: the same colour as the first of the frame
    rows, _ = np.nonzero((anonymous != known).any(axis=2))
    assert len(rows) > 0
    assert rows.max() <= person(y=120).box_xyxy[1]


def test_people_may_lie_outside_the_picture() -> None:
    picture = room()
    draw_people(picture, [person(x=-500, y=-500), person(x=5000, y=5000), person(x=315, y=235)], 0.2)
    assert picture.any()
