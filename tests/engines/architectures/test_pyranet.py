import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from posestream.engines.architectures import count, create
from posestream.engines.architectures.pyranet import KINDS, FractionalPool, Pyramid, PyramidResidual, PyraNet, Shape
from posestream.engines.zoo.catalogue import find

SUMMED = "pyramid.2.expansion"


def made(variant: str = "b", /, **options: int) -> PyraNet:
    with torch.device("meta"):
        network = create("pyranet", variant, **options)
    assert isinstance(network, PyraNet)
    return network


@pytest.mark.parametrize("ratio", [2**-0.25, 2**-0.5, 2**-0.75, 0.5])
def test_pooling_is_the_pseudo_random_one_at_one_half(ratio: float) -> None:
    features = torch.randn(2, 3, 64, 32)
    size_hw = (math.floor(64 * ratio), math.floor(32 * ratio))
    halves = torch.full((2, 3, 2), 0.5)
    wanted = functional.fractional_max_pool2d(features, 2, output_size=size_hw, _random_samples=halves)
    assert torch.equal(FractionalPool(ratio)(features), wanted)


def test_pooling_draws_nothing_also_in_training() -> None:
    pool, features = FractionalPool(2**-0.25).train(), torch.randn(1, 1, 64, 64)
    assert torch.equal(pool(features), pool(features))


def test_four_levels_go_down_to_half_the_resolution_by_equal_ratios() -> None:
    pools = [m for m in made().get_submodule("stem.3").modules() if isinstance(m, FractionalPool)]
    sizes_hw = [tuple(pool(torch.zeros(1, 1, 64, 32)).shape[2:]) for pool in pools]
    assert sizes_hw == [(53, 26), (45, 22), (38, 19), (32, 16)]


def test_levels_come_back_by_interpolation_between_corners() -> None:
    """The maxima of pairs of a ramp of 0 to 15 are 1, 3, ..., 15; the first and last of these are the new corners."""
    pyramid = Pyramid(1, 1, 1, Shape(KINDS["b"], levels=1, base_width=9)).eval()
    with torch.no_grad():
        for convolution in (m for m in pyramid.modules() if isinstance(m, nn.Conv2d)):
            convolution.weight.zero_()
            convolution.weight[..., convolution.kernel_size[0] // 2, convolution.kernel_size[1] // 2] = 1.0
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
        given = pyramid(torch.arange(16.0).expand(1, 1, 16, 16))
    assert torch.allclose(given, torch.linspace(1, 15, 16).expand(1, 1, 16, 16), rtol=1e-4)


def test_pyramids_are_where_the_resolution_is_high() -> None:
    """In the skip branch from the second lowest level up, on the main path from the third."""
    blocks = {n: m for n, m in made(stacks=1).named_modules() if isinstance(m, PyramidResidual)}
    with_pyramid = {name for name, block in blocks.items() if block.pyramid is not None}
    top, second, third = "hourglasses.0", "hourglasses.0.low2", "hourglasses.0.low2.low2"
    assert with_pyramid == {
        *("stem.1", "stem.3", "stem.4"),
        *(f"{level}.{place}" for level in (top, second) for place in ("up1", "low1", "low3")),
        f"{third}.up1",
    }
    assert len(blocks) == 3 + 4 * 3 + 1


def test_skips_have_a_convolution_where_channels_change_and_before_the_way_up() -> None:
    blocks = {n: m for n, m in made(stacks=1).named_modules() if isinstance(m, PyramidResidual)}
    convolved = {name for name, block in blocks.items() if not isinstance(block.skip, nn.Identity)}
    assert convolved == {"stem.1", "stem.4", *(f"hourglasses.0{'.low2' * i}.low3" for i in range(4))}
    for name in convolved:
        layers = blocks[name].skip
        assert isinstance(layers, nn.Sequential)
        assert [type(layer) for layer in layers] == [nn.BatchNorm2d, nn.ReLU, nn.Conv2d], name


def test_only_the_block_after_the_stem_takes_its_input_as_it_is() -> None:
    blocks = [(n, m) for n, m in made(stacks=1).named_modules() if isinstance(m, PyramidResidual)]
    assert [name for name, block in blocks if not isinstance(block.main[0], nn.BatchNorm2d)] == ["stem.1"]


def test_all_convolutions_have_biases() -> None:
    assert all(m.bias is not None for m in made(stacks=1).modules() if isinstance(m, nn.Conv2d))


@pytest.mark.parametrize(
    ("variant", "reductions", "joined", "dilations"),
    [("a", 4, 28, [1, 1, 1, 1]), ("b", 1, 28, [1, 1, 1, 1]), ("c", 1, 112, [1, 1, 1, 1]), ("d", 1, 28, [1, 2, 3, 4])],
)
def test_the_variants_differ_in_their_pyramids(
    variant: str, reductions: int, joined: int, dilations: list[int]
) -> None:
    """28 channels are 256 / 9: a reduction for each level or one for all, summed or concatenated, pooled or dilated."""
    block = made(variant, stacks=1).get_submodule("hourglasses.0.up1")
    pyramid = next(module for module in block.modules() if isinstance(module, Pyramid))
    assert len(pyramid.reductions) == reductions
    assert (pyramid.expansion.in_channels, pyramid.expansion.out_channels) == (joined, 128)
    assert [convolution.dilation[0] for convolution in pyramid.convs] == dilations  # type: ignore[index]
    pooled = [isinstance(pool, FractionalPool) for pool in pyramid.pools]
    assert pooled == [variant != "d"] * 4


@pytest.mark.parametrize("variant", ["a", "b", "c", "d"])
def test_every_variant_gives_maps_of_a_quarter_of_the_side(variant: str) -> None:
    network = create("pyranet", variant, stacks=2, channels=36, cardinality=2).eval()
    with torch.no_grad():
        outputs = network(torch.randn(2, 3, 64, 128))
    assert [tuple(maps.shape) for maps in outputs] == [(2, 16, 16, 32)] * 2
    assert all(torch.isfinite(maps).all() and maps.std() > 0 for maps in outputs)
    assert network.decoded(outputs) == outputs[-1:]


@pytest.mark.parametrize(
    ("options", "parameters", "macs"),
    [
        ({"stacks": 2}, 7_286_464, 7.32e9),
        pytest.param({"base_width": 6, "cardinality": 30}, 54_272_576, None, marks=pytest.mark.slow),
    ],
)
def test_other_configurations_have_their_published_size(
    options: dict[str, int], parameters: int, macs: float | None
) -> None:
    network = made(**options)
    assert count.parameters(network) == parameters
    if macs is not None:
        assert count.macs(network, 256, 256) == pytest.approx(macs, rel=0.005)


def test_weights_begin_so_that_a_sum_of_branches_varies_as_one_does() -> None:
    torch.manual_seed(0)
    network = create("pyranet", stacks=1)
    plain, summed = (network.get_parameter(f"hourglasses.0.up1.{name}.weight") for name in ("main.3", SUMMED))
    assert plain.detach().std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)
    assert summed.detach().std().item() == pytest.approx((2 / (4 * 28)) ** 0.5, rel=0.05)
    assert not any(m.bias.any() for m in network.modules() if isinstance(m, nn.Conv2d) and m.bias is not None)


def test_the_mean_of_mpii_is_taken_off_the_pixels() -> None:
    image = find("pyranet").input
    assert image.mean == pytest.approx([255 * 0.4404, 255 * 0.4440, 255 * 0.4327])
    assert image.std == (255.0,) * 3 and image.colour == "rgb"
