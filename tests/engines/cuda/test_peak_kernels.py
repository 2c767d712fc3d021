"""The decoding kernels find joints where the codecs do, to a fiftieth of a pixel."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from posestream.engines.batches import FrameBatch
from posestream.engines.codecs import codec_for
from posestream.engines.codecs.heatmap import gaussians
from posestream.engines.cuda.crops import crop_rows, padding_rows
from posestream.engines.cuda.keypoints import decoder_of
from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.catalogue import find
from tests.engines.cuda.on_cpu import OnCpu

TOLERANCE_PX = 0.02
REGIONS = [Region(10.5, 20.25, 96, 128), Region(300, 40, -192, 256), Region(50, 60, 150, 200, 0.6)]


def by_kernel(on_cpu: OnCpu, spec: ModelSpec, outputs: Sequence[np.ndarray], regions: Sequence[Region]) -> np.ndarray:
    """Keypoints (N, K, 3), of the kernel."""
    decoder = decoder_of(spec)
    assert decoder is not None
    assert spec.input.size_hw is not None
    picture = np.zeros((480, 640, 3), np.uint8)
    rows = crop_rows([FrameBatch(picture, "bgr24", regions, spec.input.size_hw, ())], [0])
    keypoints = np.full((len(regions), decoder.joints, 3), np.nan, np.float32)
    read = [np.ascontiguousarray(outputs[i]) for i in decoder.outputs]
    grid = (decoder.joints, len(regions), 1)
    on_cpu.launch(decoder.kernel, grid, (128, 1, 1), *read, rows, decoder.options, keypoints)
    return keypoints


def assert_same(on_cpu: OnCpu, spec: ModelSpec, outputs: Sequence[np.ndarray], regions: Sequence[Region]) -> None:
    assert spec.input.size_hw is not None
    poses = codec_for(spec).decode(outputs, regions, spec.input.size_hw)
    assert isinstance(poses, Poses)
    keypoints = by_kernel(on_cpu, spec, outputs, regions)
    np.testing.assert_allclose(keypoints[..., :2], poses.keypoints, atol=TOLERANCE_PX, rtol=0)
    np.testing.assert_allclose(keypoints[..., 2], poses.keypoint_scores, atol=1e-6, rtol=0)


def drawn(joints: int, map_hw: tuple[int, int], seed: int) -> np.ndarray:
    """Maps (3, K, h, w) of peaks anywhere, at the edges too, with some noise."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-0.4, np.array(map_hw[::-1]) - 0.6, (3 * joints, 2))
    maps = gaussians(centres, np.ones(3 * joints, np.float32), map_hw, 2.0)
    maps += rng.uniform(0, 0.02, maps.shape).astype(np.float32)
    return maps.reshape(3, joints, *map_hw)


@pytest.mark.parametrize("align", ["corner", "centre", "udp"])
@pytest.mark.parametrize("mode", ["argmax", "quarter", "quarter-hrnet", "dark", "udp"])
def test_joints_of_heat_maps_are_where_the_codec_finds_them(on_cpu: OnCpu, mode: str, align: str) -> None:
    spec = dataclasses.replace(find("hrnet-w32"), codec_options={"mode": mode, "align": align})
    for seed in range(4):
        assert_same(on_cpu, spec, [drawn(17, (64, 48), seed)], REGIONS)


@pytest.mark.parametrize("mode", ["quarter-hrnet", "dark", "udp"])
def test_noise_alone_is_decoded_alike(on_cpu: OnCpu, mode: str) -> None:
    spec = dataclasses.replace(find("hrnet-w32"), codec_options={"mode": mode})
    maps = np.random.default_rng(9).uniform(-1, 1, (3, 17, 64, 48)).astype(np.float32)
    assert_same(on_cpu, spec, [maps], REGIONS)


def test_of_equal_values_the_first_is_the_peak(on_cpu: OnCpu) -> None:
    spec = dataclasses.replace(find("hrnet-w32"), codec_options={"mode": "argmax"})
    maps = np.zeros((3, 17, 64, 48), np.float32)
    maps[:, :, 40, 30] = maps[:, :, 20, 10] = maps[:, :, 20, 11] = 0.75
    assert_same(on_cpu, spec, [maps], REGIONS)


def test_a_map_of_minus_infinity_peaks_on_the_map(on_cpu: OnCpu) -> None:
    # The search began at the least finite number and an index past the end, which nothing then beat.
    spec = dataclasses.replace(find("hrnet-w32"), codec_options={"mode": "argmax"})
    assert_same(on_cpu, spec, [np.full((3, 17, 64, 48), -np.inf, np.float32)], REGIONS)


@pytest.mark.parametrize("map_hw", [(1, 1), (2, 3), (5, 4), (97, 13)])
@pytest.mark.parametrize("mode", ["argmax", "quarter", "quarter-hrnet", "dark", "udp"])
def test_maps_of_few_or_odd_cells_are_decoded_alike(on_cpu: OnCpu, mode: str, map_hw: tuple[int, int]) -> None:
    spec = find("hrnet-w32")
    output = dataclasses.replace(spec.outputs[0], shape=(None, 17, *map_hw))
    spec = dataclasses.replace(spec, outputs=(output,), codec_options={"mode": mode, "align": "udp"})
    assert_same(on_cpu, spec, [drawn(17, map_hw, 6)], REGIONS)


@pytest.mark.parametrize("score", ["min", "mean"])
def test_joints_of_simcc_are_where_the_codec_finds_them(on_cpu: OnCpu, score: str) -> None:
    spec = dataclasses.replace(find("rtmpose-m"), codec_options={**find("rtmpose-m").codec_options, "score": score})
    rng = np.random.default_rng(2)
    outputs = [rng.normal(0, 0.6, (3, *map(int, output.shape[1:]))).astype(np.float32) for output in spec.outputs]  # type: ignore[arg-type]
    outputs[0][0, 3] -= 10  # a joint that is not found
    assert_same(on_cpu, spec, outputs, REGIONS)


def test_nan_stays_nan(on_cpu: OnCpu) -> None:
    spec = find("hrnet-w32")
    maps = drawn(17, (64, 48), 0)
    maps[1, 4, 30, 20] = np.nan
    keypoints = by_kernel(on_cpu, spec, [maps], REGIONS)
    joint = 3  # seen in a mirror: the left eye's map shows the right one
    broken = np.isnan(keypoints[..., 2])
    assert broken.sum() == 1
    assert broken[1, joint] or broken[1, 4]


def test_rows_that_only_fill_a_batch_are_left_alone(on_cpu: OnCpu) -> None:
    decoder = decoder_of(find("hrnet-w32"))
    assert decoder is not None
    keypoints = np.full((2, 17, 3), 7, np.float32)
    maps = drawn(17, (64, 48), 0)
    on_cpu.launch("heatmap_peaks", (17, 2, 1), (128, 1, 1), maps, padding_rows(2), decoder.options, keypoints)
    assert (keypoints == 7).all()
