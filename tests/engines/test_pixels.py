"""Preprocessing: frames to network inputs."""

from typing import Any, Literal, get_args

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.geometry import crop_around, mirrored, to_input, whole_frame
from posestream.engines.pixels import Preprocessor, frame_size
from posestream.engines.plan import PixelFormat, Region
from posestream.engines.spec import DType, Fit, InputSpec, TensorSpec

FORMATS = pytest.mark.parametrize("pixel_format", get_args(PixelFormat))


def smooth_frame(height: int = 480, width: int = 640) -> NDArray[np.uint8]:
    """BGR without sharp edges, so that formats and resamplers must agree."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 40) * 60 + 120, np.cos(y / 35) * 50 + 110, np.sin((x + y) / 50) * 40 + 130]
    return np.stack(waves, axis=-1).astype(np.uint8)


def packed(bgr: NDArray[np.uint8], pixel_format: str) -> NDArray[np.uint8]:
    if pixel_format == "bgr24":
        return bgr
    i420 = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)
    if pixel_format == "i420":
        return np.asarray(i420)
    height, width = bgr.shape[:2]
    chroma = i420[height:].reshape(2, -1).T.reshape(height // 2, width)
    return np.concatenate([i420[:height], chroma])


def spec(
    size_hw: tuple[int, int],
    layout: Literal["nchw", "nhwc"] = "nhwc",
    dtype: DType = "uint8",
    fit: Fit = Fit.CROP,
    **more: Any,
) -> InputSpec:
    shape = (1, 3, *size_hw) if layout == "nchw" else (1, *size_hw, 3)
    return InputSpec(TensorSpec("image", dtype, shape), layout, more.pop("colour", "bgr"), fit, **more)


def filled(image: NDArray[np.uint8], pixel_format: PixelFormat, region: Region, spec: InputSpec) -> NDArray[Any]:
    out = np.full([n or 1 for n in spec.tensor.shape[1:]], 77, spec.tensor.dtype)
    Preprocessor(spec)(image, pixel_format, region, out)
    return out


@FORMATS
def test_the_frame_size_is_known_in_every_format(pixel_format: PixelFormat) -> None:
    assert frame_size(packed(smooth_frame(), pixel_format), pixel_format) == (480, 640)


@FORMATS
@pytest.mark.parametrize("side", [224, 120, 60, 30])
def test_a_crop_shows_what_an_exact_warp_shows_at_every_scale(pixel_format: PixelFormat, side: int) -> None:
    bgr = smooth_frame()
    region = Region(101.3, 57.9, 300, 300, 0.2)
    got = filled(packed(bgr, pixel_format), pixel_format, region, spec((side, side)))
    exact = cv2.warpAffine(bgr, to_input(region, (side, side)), (side, side), flags=cv2.INTER_LINEAR)
    tolerance = 2 if pixel_format == "bgr24" else 16  # chroma is constant over 2x2 pixels of the mip level
    assert np.abs(got.astype(int) - exact).max() <= tolerance


@FORMATS
def test_beyond_the_frame_lies_padding(pixel_format: PixelFormat) -> None:
    bgr = np.full((480, 640, 3), 200, np.uint8)
    got = filled(
        packed(bgr, pixel_format), pixel_format, Region(-100.5, -0.5, 200, 200), spec((200, 200), pad_value=114)
    )
    assert (got[:, :99] == 114).all() and (np.abs(got[:, 101:].astype(int) - 200) <= 2).all()


@FORMATS
def test_a_region_outside_the_frame_is_all_padding(pixel_format: PixelFormat) -> None:
    got = filled(
        packed(smooth_frame(), pixel_format), pixel_format, Region(2000, 0, 100, 100), spec((64, 64), pad_value=9)
    )
    assert (got == 9).all()


def test_a_far_away_frame_is_averaged_not_sampled() -> None:
    """One-pixel stripes scaled by 1/8 are grey; bilinear sampling alone would show some of the stripes."""
    stripes = np.zeros((480, 640, 3), np.uint8)
    stripes[:, ::2] = 200
    got = filled(stripes, "bgr24", Region(-0.5, -0.5, 640, 480), spec((60, 80)))
    assert (got[2:-2, 2:-2] == 100).all()


def test_a_mirrored_region_gives_the_mirrored_picture() -> None:
    region = Region(100, 50, 200, 200)
    plain = filled(smooth_frame(), "bgr24", region, spec((100, 100)))
    mirror = filled(smooth_frame(), "bgr24", mirrored(region), spec((100, 100)))
    assert np.abs(plain[:, ::-1].astype(int) - mirror).max() <= 1


@pytest.mark.parametrize("colour", ["bgr", "rgb"])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_values_are_normalised_in_the_order_of_the_input(layout: Literal["nchw", "nhwc"], colour: str) -> None:
    bgr = np.empty((32, 32, 3), np.uint8)
    bgr[:] = 10, 20, 30
    mean, std = (1.0, 2.0, 3.0), (2.0, 4.0, 8.0)
    wanted = spec((32, 32), layout, "float32", colour=colour, mean=mean, std=std)
    got = filled(bgr, "bgr24", Region(-0.5, -0.5, 32, 32), wanted)
    pixel = got[:, 16, 16] if layout == "nchw" else got[16, 16]
    values = np.array([10, 20, 30] if colour == "bgr" else [30, 20, 10])
    assert np.allclose(pixel, (values - mean) / np.array(std), atol=1e-6)


def test_integer_inputs_hold_the_pixels_themselves() -> None:
    bgr = np.empty((32, 32, 3), np.uint8)
    bgr[:] = 10, 20, 30
    got = filled(bgr, "bgr24", Region(-0.5, -0.5, 32, 32), spec((32, 32), dtype="int32", colour="rgb"))
    assert got.dtype == np.int32 and got[16, 16].tolist() == [30, 20, 10]


def test_a_letterbox_lies_in_the_middle_of_its_padding() -> None:
    bgr = np.full((240, 320, 3), 255, np.uint8)
    box = spec((416, 416), "nchw", "float32", Fit.LETTERBOX)
    region, size_hw = whole_frame(box, (240, 320))
    out = np.empty((3, *size_hw), np.float32)
    Preprocessor(box)(bgr, "bgr24", region, out)
    rows = out[0, :, 208]
    assert (rows[:51] == 0).all() and (rows[53:363] == 255).all() and (rows[365:] == 0).all()


def test_memory_kept_from_a_larger_crop_does_not_show_in_a_smaller_one() -> None:
    wanted = spec((64, 64))
    fill = Preprocessor(wanted)
    first, again = np.empty((64, 64, 3), np.uint8), np.empty((64, 64, 3), np.uint8)
    small = crop_around([300, 200, 360, 280], wanted, 1.05)
    fill(smooth_frame(), "bgr24", small, first)
    fill(255 - smooth_frame(), "bgr24", Region(-0.5, -0.5, 640, 480), again)
    fill(smooth_frame(), "bgr24", small, again)
    assert (first == again).all()


def test_integers_cannot_be_normalised() -> None:
    with pytest.raises(ValueError, match="int32"):
        Preprocessor(spec((32, 32), dtype="int32", mean=(1.0, 1.0, 1.0)))
