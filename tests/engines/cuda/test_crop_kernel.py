"""The crop kernel gives what the CPU path gives, to a level of brightness."""

import numpy as np
import pytest

from posestream.engines.batches import FrameBatch
from posestream.engines.cuda.crops import crop_rows, input_row, padding_rows
from posestream.engines.pixels import Preprocessor
from posestream.engines.plan import PixelFormat, Region
from posestream.engines.spec import InputSpec, TensorSpec
from posestream.engines.zoo.catalogue import find
from tests.engines.cuda.on_cpu import OnCpu

LEVELS = 1.001  # of 256: OpenCV and the kernel round the same float32 sum, whose last bit may differ
MAX_OFF = 0.002  # of an image's values, by that much
INPUTS = {"nchw, normalised": find("hrnet-w32").input, "nhwc, whole numbers": find("movenet-thunder").input}


def frame(rng: np.random.Generator, height: int, width: int, pixel_format: PixelFormat) -> np.ndarray:
    shape = (height, width, 3) if pixel_format == "bgr24" else (height * 3 // 2, width)
    return rng.integers(0, 256, shape, dtype=np.uint8)


def on_both(
    on_cpu: OnCpu, spec: InputSpec, picture: np.ndarray, pixel_format: PixelFormat, regions: list[Region]
) -> tuple[np.ndarray, np.ndarray]:
    """The images (N, ...) of regions by the CPU path and by the kernel, in levels of brightness."""
    assert spec.size_hw is not None
    height, width = spec.size_hw
    ours = np.empty((len(regions), *spec.image_shape(spec.size_hw)), spec.tensor.dtype)
    theirs = np.empty_like(ours)
    preprocessor = Preprocessor(spec)
    for region, image in zip(regions, ours, strict=True):
        preprocessor(picture, pixel_format, region, image)
    rows = crop_rows([FrameBatch(picture, pixel_format, regions, spec.size_hw, ())], [picture.ctypes.data])
    grid = (-(-width // 32), -(-height // 8), len(regions))
    on_cpu.launch(f"crop_{spec.tensor.dtype}", grid, (32, 8, 1), rows, input_row(spec, spec.size_hw), theirs)
    shape = (1, 3, 1, 1) if spec.layout == "nchw" else (1, 1, 1, 3)
    deviations = np.array(spec.std).reshape(shape)
    return ours * deviations, theirs * deviations


def assert_same(ours: np.ndarray, theirs: np.ndarray) -> None:
    difference = np.abs(ours - theirs)
    assert difference.max() <= LEVELS
    assert (difference > 0.5).mean() <= MAX_OFF


def anywhere(rng: np.random.Generator, height: int, width: int, aspect: float, *, turned: bool) -> Region:
    """A region inside, across the edge or outside of a frame, up to three times as wide."""
    wide = float(rng.uniform(10, 3 * width))
    high = wide * aspect
    x, y = float(rng.uniform(-wide, width)), float(rng.uniform(-high, height))
    angle = float(rng.uniform(-3.1, 3.1)) if turned else 0.0
    region = Region(x, y, wide, high, angle)
    return region._replace(x_px=x + wide, width_px=-wide) if rng.random() < 0.3 else region


@pytest.mark.parametrize("turned", [False, True], ids=["upright", "turned"])
@pytest.mark.parametrize("pixel_format", ["bgr24", "i420", "nv12"])
@pytest.mark.parametrize("kind", INPUTS)
def test_regions_anywhere_come_out_as_on_the_cpu(
    on_cpu: OnCpu, kind: str, pixel_format: PixelFormat, turned: bool
) -> None:
    spec, rng = INPUTS[kind], np.random.default_rng(7)
    assert spec.size_hw is not None
    for _ in range(3):
        height, width = (2 * int(n) for n in rng.integers(20, 400, 2))
        aspect = spec.size_hw[0] / spec.size_hw[1]
        regions = [anywhere(rng, height, width, aspect, turned=turned) for _ in range(3)]
        picture = frame(rng, height, width, pixel_format)
        assert_same(*on_both(on_cpu, spec, picture, pixel_format, regions))


@pytest.mark.parametrize("pixel_format", ["bgr24", "nv12"])
def test_a_frame_much_larger_than_the_input_is_halved_as_on_the_cpu(on_cpu: OnCpu, pixel_format: PixelFormat) -> None:
    spec = InputSpec(TensorSpec("images", "float32", (None, 3, 32, 32)), "nchw", "rgb", find("nanodet").input.fit)
    picture = frame(np.random.default_rng(1), 1090, 1926, pixel_format)
    for side in (70.0, 150.0, 300.0, 700.0, 1500.0):  # halved once to five times
        assert_same(*on_both(on_cpu, spec, picture, pixel_format, [Region(101.3, 50.7, side, side)]))


def test_what_lies_outside_the_frame_is_padding(on_cpu: OnCpu) -> None:
    spec = InputSpec(
        TensorSpec("images", "uint8", (None, 16, 16, 3)), "nhwc", "bgr", find("nanodet").input.fit, pad_value=114
    )
    _, theirs = on_both(on_cpu, spec, np.zeros((20, 20, 3), np.uint8), "bgr24", [Region(500, 500, 30, 30)])
    assert (theirs == 114).all()


def test_fp16_crops_are_the_float32_ones_rounded(on_cpu: OnCpu) -> None:
    spec = find("hrnet-w32").input
    assert spec.size_hw is not None
    picture = frame(np.random.default_rng(3), 300, 240, "bgr24")
    regions = [Region(0, 0, 200, 266)]
    rows = crop_rows([FrameBatch(picture, "bgr24", regions, spec.size_hw, ())], [picture.ctypes.data])
    single, halves = np.empty((1, 3, 256, 192), np.float32), np.empty((1, 3, 256, 192), np.float16)
    for kernel, out in (("crop_float32", single), ("crop_float16", halves)):
        on_cpu.launch(kernel, (6, 32, 1), (32, 8, 1), rows, input_row(spec, spec.size_hw), out)
    np.testing.assert_array_equal(single.astype(np.float16), halves)


def test_every_float32_is_rounded_to_the_nearest_float16(on_cpu: OnCpu) -> None:
    edges = [0, -0.0, 1, 65504, 65519.99, 65520, 65536, 1e-8, 2**-24, 2**-25, 1.5 * 2**-25, np.inf, -np.inf, np.nan]
    bits = np.random.default_rng(5).integers(0, 2**32, 20000, dtype=np.uint32).view(np.float32)
    powers = np.float32(2) ** np.arange(-30, 17, dtype=np.float32)
    small = np.linspace(-3e-5, 3e-5, 999, dtype=np.float32)
    finite = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    between = (finite[1:] + finite[:-1]) / 2  # as near to the one as to the other
    values = np.concatenate([bits, np.array(edges, np.float32), powers, small, between, -between])
    halves = np.empty(len(values), np.float16)
    on_cpu.launch("to_float16", (-(-len(values) // 256), 1, 1), (256, 1, 1), values, halves, len(values))
    with np.errstate(over="ignore", invalid="ignore"):
        np.testing.assert_array_equal(values.astype(np.float16), halves)


def test_rows_that_only_fill_a_batch_are_left_alone(on_cpu: OnCpu) -> None:
    spec = find("movenet-thunder").input
    assert spec.size_hw is not None
    out = np.full((2, 256, 256, 3), 7, np.int32)
    on_cpu.launch("crop_int32", (8, 32, 2), (32, 8, 1), padding_rows(2), input_row(spec, spec.size_hw), out)
    assert (out == 7).all()
