"""Skeletons in pictures."""

import msgspec
import numpy as np
import pytest

from posestream.engines.skeletons import COCO17, SKELETONS, Skeleton
from posestream.stream.drawing.overlay import NOTICE_BGR, draw_notice, draw_people
from posestream.stream.drawing.palette import RANDOM_WEIGHTS_NOTICE, colour_rgb, side
from posestream.stream.drawing.pictures import Picture
from posestream.stream.published import Person
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


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda skeleton: skeleton.name)
def test_limbs_of_every_skeleton_are_drawn(skeleton: Skeleton) -> None:
    rng = np.random.default_rng(0)
    points = [(float(x), float(y), 0.9) for x, y in rng.uniform((20, 20), (300, 220), (len(skeleton), 2))]
    someone = person(id=None, skeleton=skeleton.name, keypoints=points)
    picture = room()
    draw_people(picture, [someone], 0.2)
    for x, y, _ in points:
        assert picture[round(y), round(x)].any()


@pytest.mark.parametrize("shape", [(48, 64, 3), (240, 320, 3), (1080, 1920, 3)])
def test_a_notice_is_one_line_within_the_picture(shape: tuple[int, int, int]) -> None:
    picture = np.zeros(shape, np.uint8)
    draw_notice(picture, RANDOM_WEIGHTS_NOTICE)
    height = int(np.flatnonzero(picture.any(axis=(1, 2))).max()) + 1
    assert height < shape[0] / 6
    assert (picture[: height - 1] == NOTICE_BGR).all(axis=2).mean() > 0.5
    assert (picture[:height].sum(axis=2) < 150).any()  # the text


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
