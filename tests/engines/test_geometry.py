"""Frame to input and back."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posestream.engines.geometry import centred, crop_around, from_input, mirrored, to_frame, to_input, whole_frame
from posestream.engines.plan import Region
from posestream.engines.spec import Fit, InputSpec, TensorSpec


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
