"""Decoded pictures in slots: the right pixels in the right colours, whatever format the decoder delivers."""

from fractions import Fraction
from typing import TypeAlias

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from posestream.stream.sources.ffmpeg.decoded import DecodedFrame, timestamp_ns
from tests.clips import written

Image: TypeAlias = NDArray[np.uint8]

TO_BGR = {"i420": cv2.COLOR_YUV2BGR_I420, "nv12": cv2.COLOR_YUV2BGR_NV12}


def scene(width: int, height: int) -> Image:
    """Smooth colours, RGB, so that half-size chroma costs little; saturated ones among them."""
    coarse = np.random.default_rng(3).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def decoded(rgb: Image, format_name: str, space: Colorspace, colour_range: ColorRange) -> av.VideoFrame:
    picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    return picture.reformat(format=format_name, dst_colorspace=space, dst_color_range=colour_range)


def as_rgb(frame: DecodedFrame) -> Image:
    """The slot's picture, converted as its readers convert it."""
    pixels = written(frame)
    code = TO_BGR.get(frame.geometry.pixel_format)
    return np.asarray(pixels if code is None else cv2.cvtColor(pixels, code), np.uint8)[:, :, ::-1]


def mean_difference(a: Image, b: Image) -> float:
    return float(np.abs(a.astype(int) - b).mean())


@pytest.mark.parametrize("colour_range", [ColorRange.MPEG, ColorRange.JPEG], ids=["limited", "full"])
@pytest.mark.parametrize("space", [Colorspace.ITU601, Colorspace.ITU709], ids=["bt601", "bt709"])
@pytest.mark.parametrize("format_name", ["yuv420p", "yuvj420p", "nv12", "yuvj422p", "yuv444p", "yuv420p10le"])
def test_colours_are_right_within_three_levels(format_name: str, space: Colorspace, colour_range: ColorRange) -> None:
    rgb = scene(322, 240)
    picture = decoded(rgb, format_name, space, colour_range)
    seen = as_rgb(DecodedFrame(picture, 0, None))
    assert mean_difference(seen, rgb) < 3
    assert mean_difference(seen, np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)) < 3


@pytest.mark.parametrize(("format_name", "kept"), [("yuv420p", "i420"), ("nv12", "nv12")])
def test_planes_are_copied_as_they_are_without_their_padding(format_name: str, kept: str) -> None:
    picture = decoded(scene(322, 240), format_name, Colorspace.ITU601, ColorRange.MPEG)
    assert picture.planes[0].line_size > 322
    frame = DecodedFrame(picture, 0, None)
    assert frame.geometry.pixel_format == kept
    np.testing.assert_array_equal(written(frame), picture.to_ndarray())


@pytest.mark.parametrize("size", [(321, 240), (320, 241), (321, 241)])
def test_odd_sides_become_bgr24(size: tuple[int, int]) -> None:
    rgb = scene(*size)
    frame = DecodedFrame(decoded(rgb, "yuv420p", Colorspace.ITU601, ColorRange.MPEG), 0, None)
    assert frame.geometry.pixel_format == "bgr24"
    assert (frame.geometry.width, frame.geometry.height) == size
    assert mean_difference(as_rgb(frame), rgb) < 3


def test_a_frame_can_be_written_twice() -> None:
    frame = DecodedFrame(decoded(scene(64, 48), "yuv420p", Colorspace.ITU601, ColorRange.MPEG), 0, None)
    np.testing.assert_array_equal(written(frame), written(frame))


def test_timestamps_are_in_nanoseconds_or_absent() -> None:
    assert timestamp_ns(90_000, Fraction(1, 90_000)) == 1_000_000_000
    assert timestamp_ns(None, Fraction(1, 90_000)) is None
    assert timestamp_ns(7, None) is None
