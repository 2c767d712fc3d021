import pytest
import torch
from torch import nn

from posestream.engines.architectures import ArchitectureError, create, reduced
from posestream.engines.architectures.cpm import FORMS, centre_map
from posestream.engines.skeletons import FLIC9, LSP14
from tests.engines.architectures.parity.equality import greatest_error
from tests.engines.architectures.parity.fixture import read

# The released order: head, neck, then each limb from the trunk outwards.
PUBLISHED_14 = (
    *("head top", "upper neck", "right shoulder", "right elbow", "right wrist"),
    *("left shoulder", "left elbow", "left wrist", "right hip", "right knee", "right ankle"),
    *("left hip", "left knee", "left ankle"),
)


def test_equal_weights_give_what_mmposes_form_gives() -> None:
    assert greatest_error(create("cpm", plain=True, joints=16), "cpm", read("cpm-plain")) < 1e-5


def test_that_form_has_the_parameters_it_has_in_mmpose() -> None:
    with torch.device("meta"):
        network = create("cpm", plain=True, joints=16)
    assert sum(parameter.numel() for parameter in network.parameters()) == 31_225_568


def test_the_centre_map_peaks_in_the_middle_as_caffes_pooling_makes_it() -> None:
    centre = centre_map(torch.zeros(2, 3, 368, 368))
    assert centre.shape == (2, 1, 46, 46)
    assert divmod(int(centre[0].argmax()), 46) == (22, 22)
    assert round(float(centre.max()), 3) == 0.965


def test_the_centre_map_is_the_average_of_nine_pixels_with_sides_rounded_up() -> None:
    pixels = torch.arange(1.0, 369) - 184
    gaussian = torch.exp(-(pixels[:, None] ** 2 + pixels**2) / (2 * 21**2))
    pooled = nn.functional.avg_pool2d(gaussian[None, None], 9, 8, 0, ceil_mode=True)
    assert torch.allclose(centre_map(torch.zeros(1, 3, 368, 368)), pooled, atol=1e-6)


def test_joints_come_in_the_order_of_our_table() -> None:
    assert tuple(PUBLISHED_14[i] for i in FORMS["lsp"].order) == LSP14.joints
    assert FORMS["flic"].order == tuple(range(len(FLIC9)))


def test_a_map_of_the_released_network_comes_out_at_its_joint() -> None:
    """Only biases are set, so that map i of the last convolution is i everywhere."""
    network = create("cpm", "lsp", stages=1, width=8)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.get_parameter("first.3.bias").copy_(torch.arange(15.0))
        (beliefs,) = network(torch.zeros(1, 3, 72, 72))
    assert [PUBLISHED_14[int(value)] for value in beliefs[0, :14, 0, 0]] == list(LSP14.joints)
    assert beliefs[0, 14, 0, 0] == 14  # the background


def poolings(network: nn.Module) -> list[nn.MaxPool2d]:
    return [module for module in network.modules() if isinstance(module, nn.MaxPool2d)]


def test_pooling_is_caffes_without_padding_and_rounded_up() -> None:
    with torch.device("meta"):
        pools = poolings(create("cpm", "lsp"))
    assert pools and all((pool.padding, pool.ceil_mode) == (0, True) for pool in pools)
    with torch.device("meta"):
        assert all((pool.padding, pool.ceil_mode) == (1, False) for pool in poolings(create("cpm", plain=True)))


def test_every_stage_gives_an_eighth_of_the_picture_and_a_background() -> None:
    with torch.device("meta"), torch.no_grad():
        assert [tuple(b.shape) for b in create("cpm", "flic")(torch.zeros(1, 3, 368, 368))] == [(1, 10, 46, 46)] * 4


def test_stages_after_the_first_share_a_trunk_that_the_first_has_not() -> None:
    network = create("cpm", **reduced("cpm"))
    first, second = network(torch.rand(1, 3, 72, 72))
    second.sum().backward(retain_graph=True)
    assert network.get_parameter("later_trunk.0.0.0.weight").grad is not None
    network.zero_grad()
    first.sum().backward()
    assert network.get_parameter("later_trunk.0.0.0.weight").grad is None


def test_the_vgg_form_has_one_trunk_for_all_stages() -> None:
    with torch.device("meta"):
        network = create("cpm", "vgg")
    assert not any(name.startswith(("later_trunk", "reductions")) for name, _ in network.named_parameters())


def test_a_picture_too_small_is_refused() -> None:
    with pytest.raises(ArchitectureError, match="at least 72 px and multiples of 8 px"):
        create("cpm", **reduced("cpm"))(torch.zeros(1, 3, 64, 64))
