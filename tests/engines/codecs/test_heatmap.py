"""Heat maps: joints of ideal maps at their places, and the published rules to the digit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from posestream.engines.codecs.heatmap import Align, HeatMaps, Mode
from posestream.engines.codecs.subpixel import REFINEMENTS, dark, highest
from posestream.engines.geometry import mirrored
from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.engines.skeletons import COCO17
from posestream.engines.spec import Architecture, Fit, InputSpec, ModelSpec, Role, TensorSpec, WeightsSource

SIZE_HW = (256, 192)
MAP_HW = (64, 48)
WHOLE = Region(-0.5, -0.5, 192, 256)

SPEC = ModelSpec(
    name="any",
    title="any network with a map a joint",
    role=Role.TOP_DOWN,
    input=InputSpec(TensorSpec("images", "float32", (None, 3, *SIZE_HW)), "nchw", "rgb", Fit.CROP),
    outputs=(TensorSpec("maps", "float32", (None, 17, *MAP_HW), stride=4),),
    codec="heatmap",
    source=WeightsSource("file", "checkpoint", ()),
    licence="-",
    skeleton="coco17",
    architecture=Architecture("hrnet", "w32"),
)

# The decoding of networks of the literature, and its error in input pixels, 16 px or more from the border.
WITHIN_PX = {
    ("quarter-hrnet", "corner"): 1.0,
    ("quarter", "centre"): 1.0,
    ("enlarged", "centre"): 1.0,
    ("dark", "corner"): 0.4,
    ("dark", "centre"): 0.4,
    ("udp", "udp"): 0.4,
}


def person(points: NDArray[np.float64], labelled: NDArray[np.bool_] | None = None) -> Poses:
    keypoints = points[None].astype(np.float32)
    scores = np.ones((1, 17), np.float32) if labelled is None else labelled[None].astype(np.float32)
    box = np.array([[0, 0, 191, 255]], np.float32)
    return Poses(keypoints, scores, box, np.ones(1, np.float32))


def bump(x: float, y: float, sigma: float = 2.0, height: int = 64, width: int = 48) -> NDArray[np.float32]:
    rows, columns = np.mgrid[:height, :width]
    squares = (columns - x) ** 2 + (rows - y) ** 2
    return np.asarray(np.exp(-squares / (2 * sigma**2))[None], np.float32)


inside = st.lists(st.tuples(st.floats(16, 175), st.floats(16, 239)), min_size=17, max_size=17)


@pytest.mark.parametrize(("mode", "align"), WITHIN_PX)
@given(points=inside)
def test_joints_are_found_again_in_their_own_maps(mode: Mode, align: Align, points: list[tuple[float, float]]) -> None:
    codec = HeatMaps(SPEC, mode=mode, align=align, quantised=False)
    truth = np.array(points)
    maps, _ = codec.encode(person(truth), SIZE_HW)
    found = codec.decode([maps[None]], [WHOLE], SIZE_HW)
    assert np.abs(found.keypoints[0] - truth).max() <= WITHIN_PX[mode, align] + 1e-3
    assert found.keypoint_scores.min() > 0.9


@given(points=inside)
def test_arg_max_is_exact_to_half_a_cell(points: list[tuple[float, float]]) -> None:
    codec = HeatMaps(SPEC, mode="argmax")
    maps, _ = codec.encode(person(np.array(points)), SIZE_HW)
    found = codec.decode([maps[None]], [WHOLE], SIZE_HW)
    assert np.abs(found.keypoints[0] - np.array(points)).max() <= 2.001


@given(x=st.floats(0, 188), y=st.floats(0, 252))
def test_a_joint_at_the_border_is_found_to_a_cell(x: float, y: float) -> None:
    for mode in REFINEMENTS:
        codec = HeatMaps(SPEC, mode=mode, quantised=False)  # type: ignore[arg-type]
        maps, weights = codec.encode(person(np.full((17, 2), (x, y))), SIZE_HW)
        found = codec.decode([maps[None]], [WHOLE], SIZE_HW)
        assert weights.all()
        assert np.abs(found.keypoints[0] - (x, y)).max() <= 4.001


def test_a_joint_that_is_not_labelled_has_no_weight_and_no_score() -> None:
    labelled = np.arange(17) != 5
    codec = HeatMaps(SPEC)
    maps, weights = codec.encode(person(np.full((17, 2), 90.0), labelled), SIZE_HW)
    found = codec.decode([maps[None]], [WHOLE], SIZE_HW)
    assert weights.tolist() == labelled.astype(float).tolist()
    assert (found.keypoint_scores[0] > 0).tolist() == labelled.tolist()


@pytest.mark.parametrize("outside", [(-9.0, 80.0), (80.0, 270.0)])
def test_a_joint_outside_the_crop_has_no_weight(outside: tuple[float, float]) -> None:
    points = np.full((17, 2), 90.0)
    points[3] = outside
    maps, weights = HeatMaps(SPEC).encode(person(points), SIZE_HW)
    assert weights[3] == 0 and not maps[3].any()


def test_nobody_gives_nobody() -> None:
    assert len(HeatMaps(SPEC).decode([np.zeros((0, 17, *MAP_HW), np.float32)], [], SIZE_HW)) == 0


def test_every_person_of_a_crowd_comes_from_their_own_region_in_their_order() -> None:
    codec = HeatMaps(SPEC, mode="dark", quantised=False)
    truth = np.random.default_rng(0).uniform(20, 170, (5, 17, 2))
    regions = [Region(100.0 * i, 10.0 * i, 96, 128) for i in range(5)]
    maps = np.stack([codec.encode(person(points), SIZE_HW)[0] for points in truth])
    found = codec.decode([maps], regions, SIZE_HW)
    for i, region in enumerate(regions):
        wanted = (truth[i] + 0.5) / 2 + (region.x_px, region.y_px)
        assert np.abs(found.keypoints[i] - wanted).max() < 0.2


def test_darks_published_example_comes_out_to_the_digit() -> None:
    maps = bump(20.3, 30.7)
    place = dark(maps, highest(maps)[0], 2.0)[0]
    assert place.round(5).tolist() == [20.29984, 30.70016]


def test_dark_smooths_with_eleven_cells_for_two_and_seventeen_for_three() -> None:
    for sigma, reach in ((2.0, 5), (3.0, 8)):
        maps = bump(24, 30, sigma)
        maps[0, 30, 24 + reach + 3] += 0.5  # beyond the reach of smoothing about cells two away
        assert np.abs(dark(maps, np.array([[24, 30]]), sigma) - (24, 30)).max() < 1e-6
        maps[0, 30, 24 + reach + 1] += 0.5
        assert np.abs(dark(maps, np.array([[24, 30]]), sigma) - (24, 30)).max() > 1e-3


@pytest.mark.parametrize(("mode", "columns"), [("quarter", {1: True, 2: True}), ("quarter-hrnet", {1: False, 2: True})])
def test_the_quarter_offset_is_for_cells_with_two_neighbours_and_hrnets_code_leaves_out_one_more(
    mode: Mode, columns: dict[int, bool]
) -> None:
    """Torch7's 1 < x < w counts from 1, HRNet's 1 < x < w - 1 from 0."""
    for column, moves in {0: False, **columns, 46: True, 47: False}.items():
        maps = np.zeros((1, 64, 48), np.float32)
        maps[0, 30, column], maps[0, 31, column] = 1.0, 0.5
        place = REFINEMENTS[mode](maps, np.array([[column, 30]]), 2.0)[0]
        assert (place[1] == 30.25) == moves


def test_an_enlarged_map_is_that_of_a_cubic_kernel_eight_times_as_large() -> None:
    """The published method, an arg-max of the whole upsampled map, finds the same place."""
    random = np.random.default_rng(3)
    for x, y in random.uniform(6, 40, (20, 2)):
        maps = bump(x, y, 1.5, 46, 46)
        place = REFINEMENTS["enlarged"](maps, highest(maps)[0], 0.0)[0]
        assert np.abs(place - (x, y)).max() <= 0.15
        assert np.allclose((place + 0.5) * 8 - 0.5, np.round((place + 0.5) * 8 - 0.5))


def test_a_flat_map_is_not_refined() -> None:
    flat = np.full((1, 64, 48), 0.3, np.float32)
    for refine in REFINEMENTS.values():
        assert np.isfinite(refine(flat, np.array([[24, 30]]), 2.0)).all()
        assert np.abs(refine(flat, np.array([[24, 30]]), 2.0) - (24, 30)).max() <= 1


def mirror_image(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ideal maps of the mirrored image."""
    return np.ascontiguousarray(maps[:, COCO17.mirror, :, ::-1])


def test_the_mean_with_the_mirrored_maps_is_that_of_the_person() -> None:
    codec = HeatMaps(SPEC, align="centre")
    maps = np.random.default_rng(1).random((3, 17, *MAP_HW)).astype(np.float32)
    (mean,) = codec.flip_mean([np.concatenate([maps, mirror_image(maps)])])
    assert np.allclose(mean, maps)


def test_hrnets_mirrored_maps_move_a_cell_to_the_right() -> None:
    """If cell i is at pixel 4 i, the mirrored image's cell is at 4 i + 3 of the unmirrored one."""
    codec = HeatMaps(SPEC, shift=True)
    nothing = np.zeros((1, 17, *MAP_HW), np.float32)
    seen = nothing.copy()
    seen[..., 30, 20] = 1
    (mean,) = codec.flip_mean([np.concatenate([nothing, mirror_image(seen)])])
    assert np.argwhere(mean[0, 0]).tolist() == [[30, 21]]


def test_left_and_right_are_the_persons_own_in_a_mirrored_region() -> None:
    codec = HeatMaps(SPEC, align="centre", quantised=False, mode="dark")
    truth = np.random.default_rng(2).uniform(20, 170, (17, 2))
    in_mirror = truth[COCO17.mirror].copy()
    in_mirror[:, 0] = 191 - in_mirror[:, 0]
    maps, _ = codec.encode(person(in_mirror), SIZE_HW)
    found = codec.decode([maps[None]], [mirrored(WHOLE)], SIZE_HW)
    assert np.abs(found.keypoints[0] - truth).max() < 0.2


def test_a_target_rounded_to_its_cell_peaks_at_one() -> None:
    maps, _ = HeatMaps(SPEC).encode(person(np.full((17, 2), 91.3)), SIZE_HW)
    assert maps.max() == 1.0
    assert maps[0].argmax() == 23 * 48 + 23


def test_a_target_ends_three_standard_deviations_from_its_joint() -> None:
    maps, _ = HeatMaps(SPEC, sigma=2.0).encode(person(np.full((17, 2), 80.0)), SIZE_HW)
    columns = np.nonzero(maps[0].max(axis=0))[0]
    assert (columns.min(), columns.max()) == (20 - 6, 20 + 6)


def test_the_centred_target_is_the_person_in_the_middle_of_the_crop() -> None:
    points = np.array([(30.0 + 2 * i, 40.0 + 8 * i) for i in range(17)])
    plain, weights, centred = HeatMaps(SPEC, align="centre", centred=True, quantised=False).encode(
        person(points), SIZE_HW
    )
    middle = points + np.array((95.5, 127.5)) - (points[0] + points[-1]) / 2
    assert np.array_equal(centred, HeatMaps(SPEC, align="centre", quantised=False).encode(person(middle), SIZE_HW)[0])
    assert weights.all() and not np.array_equal(plain, centred)
