import pytest
import torch
from torch import nn

from posestream.engines.architectures import create
from posestream.engines.architectures.attention import (
    AttentionHourglass,
    CrfAttention,
    HourglassResidual,
    PartAttention,
)
from posestream.engines.zoo.catalogue import find


@pytest.fixture(scope="module")
def published() -> AttentionHourglass:
    with torch.device("meta"):
        network = create("attention")
    assert isinstance(network, AttentionHourglass)
    return network


def zeroed(*modules: nn.Module) -> None:
    with torch.no_grad():
        for module in modules:
            for parameter in module.parameters():
                parameter.zero_()


def test_eight_stacks_are_supervised_and_the_last_one_decoded(published: AttentionHourglass) -> None:
    with torch.device("meta"), torch.no_grad():
        outputs = published.eval()(torch.zeros(2, 3, 64, 128))
    assert [tuple(maps.shape) for maps in outputs] == [(2, 16, 16, 32)] * 8
    (decoded,) = published.decoded(outputs)
    assert decoded is outputs[-1]


def test_the_first_convolution_sees_the_picture_at_full_resolution(published: AttentionHourglass) -> None:
    layer = published.get_submodule("stem.0.0")
    assert isinstance(layer, nn.Conv2d) and layer.stride == (1, 1) and layer.kernel_size == (7, 7)


def test_all_convolutions_have_biases(published: AttentionHourglass) -> None:
    assert all(m.bias is not None for m in published.modules() if isinstance(m, nn.Conv2d))


def test_units_with_a_third_branch_are_beside_the_way_down_two_at_the_highest_level_one_below(
    published: AttentionHourglass,
) -> None:
    units = [n for n, m in published.get_submodule("stacks.0").named_modules() if isinstance(m, HourglassResidual)]
    assert units == ["hourglass.up1.1", "hourglass.up1.2", "hourglass.low2.up1.1"]


def test_a_unit_adds_to_a_residual_block_what_it_sees_at_half_the_resolution() -> None:
    unit, features = HourglassResidual(8).eval(), torch.randn(1, 8, 8, 8)
    zeroed(unit.conv3)
    with torch.no_grad():
        third = unit(features) - features
    quads = third.reshape(1, 8, 4, 2, 4, 2)
    assert (quads - quads.mean(dim=(3, 5), keepdim=True)).abs().max() < 1e-5, "each value is repeated in two by two"
    assert third.std() > 0.01


def test_attention_is_three_steps_of_the_mean_field() -> None:
    """For one value: q = s(w u + b + u), then twice q = s(w q + b + u)."""
    attend = CrfAttention(4)
    zeroed(attend)
    with torch.no_grad():
        attend.unary.bias.fill_(0.7)  # type: ignore[union-attr]
        attend.pairwise.weight[0, 0, 5, 5] = -1.5
        attend.pairwise.bias.fill_(0.2)  # type: ignore[union-attr]
        given = attend.attention(torch.randn(1, 4, 1, 1))
    unary = torch.tensor(0.7)
    belief = unary
    for _ in range(3):
        belief = torch.sigmoid(-1.5 * belief + 0.2 + unary)
    assert given.item() == pytest.approx(belief.item(), abs=1e-6)


def test_what_a_place_attends_to_reaches_fifteen_cells_in_three_steps() -> None:
    attend = CrfAttention(1).double()
    with torch.no_grad():
        attend.unary.weight.zero_()
        attend.unary.weight[0, 0, 1, 1] = 1.0
        attend.pairwise.weight.fill_(0.1)  # keeps sums in the range where a sigmoid has a slope
        features = torch.zeros(1, 1, 1, 41, dtype=torch.float64)
        nothing = attend.attention(features)
        features[..., 20] = 3.0
        moved = (attend.attention(features) - nothing)[0, 0, 0].nonzero().flatten()
    assert (int(moved.min()), int(moved.max())) == (20 - 15, 20 + 15)


def test_features_are_weighted_by_their_attention() -> None:
    attend, features = CrfAttention(4), torch.randn(2, 4, 8, 8)
    with torch.no_grad():
        attention = attend.attention(features)
        assert attention.shape == (2, 1, 8, 8)
        assert torch.equal(attend(features), features * attention)


def test_the_later_half_of_the_stacks_attend_to_each_part(published: AttentionHourglass) -> None:
    parts = [i for i, stack in enumerate(published.stacks) if isinstance(stack.get_submodule("out"), PartAttention)]
    assert parts == [4, 5, 6, 7]


def test_each_part_has_an_attention_of_its_own() -> None:
    network, features = PartAttention(4, joints=3), torch.randn(1, 4, 8, 8)
    with torch.no_grad():
        before = network(features)
        network.get_parameter("attentions.1.unary.bias").add_(5.0)
        moved = (network(features) - before).abs().amax(dim=(0, 2, 3))
    assert moved[1] > 0 and moved[0] == moved[2] == 0


def test_the_last_stack_is_twice_as_wide_and_leads_nowhere(published: AttentionHourglass) -> None:
    widths = [layer.out_channels for layer in (stack.get_submodule("second.0") for stack in published.stacks)]
    assert widths == [256] * 7 + [512]
    assert [stack.onward is None for stack in published.stacks] == [False] * 7 + [True]


def test_the_next_stack_sees_features_from_before_they_are_attended_to() -> None:
    network = create("attention", stacks=2, channels=16).eval()
    stack, seen = network.get_submodule("stacks.0"), torch.randn(1, 16, 16, 16)
    zeroed(stack.get_submodule("onward.0"))  # of the maps
    with torch.no_grad():
        _, before = stack(seen)
        zeroed(stack.get_submodule("second"), stack.get_submodule("holistic"))
        _, after = stack(seen)
        assert torch.equal(before, after)
        zeroed(stack.get_submodule("first"))
        assert not torch.equal(before, stack(seen)[1])


def test_attention_of_all_resolutions_is_an_option() -> None:
    """Four resolutions more in each of eight stacks, of a 3x3 convolution and an 11x11 kernel each."""
    with torch.device("meta"):
        plain, network = create("attention"), create("attention", multi_resolution=True)
    more = sum(p.numel() for p in network.parameters()) - sum(p.numel() for p in plain.parameters())
    assert more == 8 * 4 * ((9 * 256 + 1) + (11 * 11 + 1))


def test_every_resolution_is_attended_to() -> None:
    network = create("attention", stacks=1, channels=16, multi_resolution=True).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before = network(images)[-1]
        for level in range(4):
            bias = network.get_parameter(f"stacks.0.coarser.{level}.unary.bias")
            bias.add_(3.0)
            assert not torch.equal(network(images)[-1], before), level
            bias.sub_(3.0)


def test_half_is_taken_off_the_pixels() -> None:
    image = find("attention").input
    assert (image.mean, image.std, image.colour) == ((127.5,) * 3, (255.0,) * 3, "rgb")
