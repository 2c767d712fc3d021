"""Frame to input and back."""

import dataclasses
import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posestream.engines.geometry import (
    _MAX_ASPECT,
    at_scale,
    centred,
    crop_around,
    each_to_frame,
    from_input,
    largest_hw,
    mirrored,
    to_frame,
    to_input,
    usual_hw,
    views_of,
    whole_frame,
)
from posestream.engines.plan import Plan, Region
from posestream.engines.spec import Fit, InputSpec, TensorSpec
from posestream.engines.zoo.catalogue import find


def spec(
    height: int | None, width: int | None, fit: Fit, *, side_px: int | None = None, multiple_px: int = 1
) -> InputSpec:
    tensor = TensorSpec("image", "float32", (1, 3, height, width))
    return InputSpec(tensor, "nchw", "bgr", fit, side_px=side_px, multiple_px=multiple_px)


SQUARE = spec(416, 416, Fit.LETTERBOX)
CROP = spec(256, 192, Fit.CROP)
SIDES = st.integers(16, 4000)
PLACES = st.floats(-2000, 2000)
LENGTHS = st.floats(2, 2000)


@given(PLACES, PLACES, LENGTHS, LENGTHS, st.floats(-math.pi, math.pi), st.booleans())
def test_there_and_back_is_the_same_place(x: float, y: float, w: float, h: float, angle: float, flip: bool) -> None:
    region = Region(x, y, w, h, angle)
    if flip:
        region = mirrored(region)
    there, back = to_input(region, (192, 256)), from_input(region, (192, 256))
    points = np.array([[x, y], [x + w, y + h], [0.0, 0.0]])
    inside = points @ there[:, :2].T + there[:, 2]
    assert np.allclose(inside @ back[:, :2].T + back[:, 2], points, atol=1e-6)


def test_a_whole_frame_maps_as_cv2_resize_does() -> None:
    region, size_hw = whole_frame(spec(240, 320, Fit.LETTERBOX), (480, 640))
    there = to_input(region, size_hw)
    assert np.allclose(there, [[0.5, 0, -0.25], [0, 0.5, -0.25]])
    frame = np.random.default_rng(0).integers(0, 255, (480, 640), np.uint8)
    warped = cv2.warpAffine(frame, there, (320, 240), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    resized = cv2.resize(frame, (320, 240), interpolation=cv2.INTER_LINEAR)
    assert np.abs(warped.astype(int) - resized).max() <= 1


@given(SIDES, SIDES)
def test_a_letterbox_holds_the_whole_frame_in_the_middle_with_its_aspect_to_half_a_pixel(
    height: int, width: int
) -> None:
    region, size_hw = whole_frame(SQUARE, (height, width))
    there = to_input(region, size_hw)
    (left, top), (right, bottom) = (
        there[:, :2] @ edge + there[:, 2] for edge in ((-0.5, -0.5), (width - 0.5, height - 0.5))
    )
    assert min(left, top) >= -0.5 - 1e-6 and max(right, bottom) <= 415.5 + 1e-6
    assert max(right - left, bottom - top) == pytest.approx(416)
    scale = 416 / max(height, width)
    assert right - left == pytest.approx(max(1, width * scale), abs=0.5 + 1e-6)
    assert bottom - top == pytest.approx(max(1, height * scale), abs=0.5 + 1e-6)
    assert abs((left + right) / 2 - 207.5) <= 0.5 + 1e-6 and abs((top + bottom) / 2 - 207.5) <= 0.5 + 1e-6


def test_stretching_maps_the_frame_edge_to_edge() -> None:
    region, size_hw = whole_frame(spec(352, 352, Fit.STRETCH), (480, 640))
    assert (region, size_hw) == (Region(-0.5, -0.5, 640, 480), (352, 352))


@pytest.mark.parametrize(
    ("frame_hw", "side_px", "size_hw"),
    [((480, 640), 384, (288, 384)), ((427, 640), 256, (192, 256)), ((640, 480), 256, (256, 192))],
)
def test_an_input_of_free_size_follows_the_frame(
    frame_hw: tuple[int, int], side_px: int, size_hw: tuple[int, int]
) -> None:
    region, size = whole_frame(spec(None, None, Fit.LETTERBOX, side_px=side_px, multiple_px=32), frame_hw)
    assert size == size_hw
    assert region.width_px / size[1] == pytest.approx(region.height_px / size[0], rel=0.01)


def test_an_input_of_free_size_without_a_side_is_refused() -> None:
    with pytest.raises(ValueError, match="side_px"):
        whole_frame(spec(None, None, Fit.LETTERBOX), (480, 640))


@given(PLACES, PLACES, LENGTHS, LENGTHS)
def test_a_crop_has_the_inputs_aspect_and_holds_the_enlarged_box(x: float, y: float, w: float, h: float) -> None:
    region = crop_around([x, y, x + w, y + h], CROP, scale=1.25)
    assert region.width_px / region.height_px == pytest.approx(192 / 256)
    assert region.width_px >= 1.25 * w - 1e-6 and region.height_px >= 1.25 * h - 1e-6
    assert region.width_px == pytest.approx(1.25 * w) or region.height_px == pytest.approx(1.25 * h)
    assert region.x_px + region.width_px / 2 == pytest.approx(x + w / 2, abs=1e-6)


def test_an_empty_box_still_makes_a_region() -> None:
    region = centred(5, 5, 0, 0, CROP)
    assert region.width_px > 0 and region.height_px > 0


def test_a_mirrored_region_shows_the_same_rectangle_the_other_way_round() -> None:
    region = Region(10, 20, 100, 50, 0.3)
    there = to_frame([[0, 3], [99, 3]], region, (50, 100))
    mirror = to_frame([[99, 3], [0, 3]], mirrored(region), (50, 100))
    assert np.allclose(there, mirror, atol=1e-4)
    again = mirrored(mirrored(region))
    assert np.allclose(again, region)


def test_a_positive_angle_turns_clockwise_on_the_screen() -> None:
    right_of_centre = to_frame([[99.0, 49.5]], Region(0, 0, 100, 100, math.pi / 2), (100, 100))[0]
    assert right_of_centre[1] > 90  # y grows downwards


# ---- by hand


def test_a_letterboxed_frame_lies_on_whole_pixels_as_worked_out_by_hand() -> None:
    """100 wide and 60 high into 50x50: half the size, so 30 rows in the middle, from row 10 to row 39."""
    region, size_hw = whole_frame(spec(50, 50, Fit.LETTERBOX), (60, 100))
    assert (region, size_hw) == (Region(-0.5, -20.5, 100, 100), (50, 50))
    there = to_input(region, size_hw)
    assert np.allclose(there @ [0.5, 0.5, 1], [0, 10])  # the middle of the first two by two pixels
    assert np.allclose(there @ [98.5, 58.5, 1], [49, 39])


def test_an_odd_remainder_leaves_the_wider_padding_behind() -> None:
    """50 wide and 25 high into 50x50: 25 rows of padding, 12 above and 13 below."""
    region, size_hw = whole_frame(spec(50, 50, Fit.LETTERBOX), (25, 50))
    assert np.allclose(to_input(region, size_hw) @ [0, 0, 1], [0, 12])


def test_the_map_of_a_turned_region_as_worked_out_by_hand() -> None:
    """4 wide and 2 high about (3, 5), turned a quarter clockwise: its right edge points down."""
    region = Region(1, 4, 4, 2, math.pi / 2)
    corners = [[-0.5, -0.5], [7.5, -0.5], [7.5, 3.5], [-0.5, 3.5]]  # of an input of 8 by 4
    assert np.allclose(to_frame(corners, region, (4, 8)), [[4, 3], [4, 7], [2, 7], [2, 3]], atol=1e-6)


def test_many_regions_map_as_each_does_alone() -> None:
    regions = [Region(1, 4, 4, 2, 0.3), mirrored(Region(-5, 0, 10, 30)), Region(0.5, 0.25, 7, 9, -2.0)]
    points = np.random.default_rng(0).uniform(-10, 300, (3, 5, 2))
    together = each_to_frame(points, regions, (256, 192))
    assert together.dtype == np.float32
    for of_each, region, alone in zip(points, regions, together, strict=True):
        assert np.allclose(to_frame(of_each, region, (256, 192)), alone, atol=1e-4)


def test_a_region_at_a_scale_is_smaller_by_it_about_the_same_centre() -> None:
    assert at_scale(Region(10, 20, 100, 40, 0.3, 7), 2.0) == Region(35, 30, 50, 20, 0.3, 7)
    assert at_scale(Region(10, 20, 100, 40), 0.5) == Region(-40, 0, 200, 80)


def test_the_views_of_regions_go_scale_by_scale_the_mirrored_ones_behind_the_others() -> None:
    one, other = Region(0, 0, 40, 80, 0.0, 1), Region(100, 0, 20, 10, 0.0, 2)
    plain = Plan(find("movenet-lightning"), find("nanodet"))
    assert views_of([one, other], plain) == [one, other]
    both = [one, other]
    doubled = [at_scale(region, 2.0) for region in both]
    scaled = dataclasses.replace(plain, scales=(1.0, 2.0))
    assert views_of(both, scaled) == [*both, *doubled]
    flipped = dataclasses.replace(scaled, flip=True)
    assert views_of(both, flipped) == [*both, *map(mirrored, both), *doubled, *map(mirrored, doubled)]


def test_a_box_becomes_a_crop_as_worked_out_by_hand() -> None:
    """A box of 60 by 40 about (40, 70), doubled, in an input of 192 by 256: 120 wide asks for 160 high."""
    assert crop_around([10, 50, 70, 90], CROP, scale=2.0) == Region(-20, -10, 120, 160)
    assert crop_around([10, 50, 70, 90], CROP, scale=2.0, person=3).person == 3
    assert crop_around([10, 50, 70, 90], CROP, scale=2.0).person == -1


def test_a_tall_box_is_widened_to_the_inputs_aspect() -> None:
    assert centred(40, 70, 30, 160, CROP) == Region(-20, -10, 120, 160)
    assert centred(40, 70, 30, 160, CROP, person=5).person == 5


def test_the_smallest_region_is_a_pixel_high() -> None:
    assert centred(5, 5, 0, 0, CROP) == Region(5 - 0.375, 4.5, 0.75, 1.0)


@pytest.mark.parametrize(
    "make",
    [lambda free: centred(5, 5, 9, 9, free), lambda free: crop_around([0, 0, 9, 9], free, 1)],
    ids=["centred", "crop_around"],
)
def test_a_crop_for_an_input_without_a_fixed_size_is_refused(make: Callable[[InputSpec], Region]) -> None:
    with pytest.raises(ValueError, match="fixed size"):
        make(spec(None, None, Fit.LETTERBOX, side_px=256))


def test_the_largest_and_the_usual_input() -> None:
    assert largest_hw(CROP) == usual_hw(CROP) == (256, 192)
    long = spec(None, None, Fit.LETTERBOX, side_px=250, multiple_px=32)
    assert (largest_hw(long), usual_hw(long)) == ((256, 256), (160, 256))
    short = dataclasses.replace(long, side="short")
    assert largest_hw(short)[0] == 256
    assert largest_hw(short)[1] == 32 * math.ceil(250 * _MAX_ASPECT / 32)
    assert usual_hw(short) == (256, 448)


def test_a_frame_that_is_all_width_or_all_height_is_still_a_pixel_of_the_input() -> None:
    flat, _ = whole_frame(SQUARE, (2, 4000))
    tall, _ = whole_frame(SQUARE, (4000, 2))
    assert (flat.height_px, tall.width_px) == (416 * 2, 416 * 2)
