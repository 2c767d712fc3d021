"""ResNet trunks: sizes, and the differences of the literature's trunks."""

import pytest
import torch
from torch import nn

from posestream.engines.architectures import count
from posestream.engines.architectures.resnet import DEPTHS, ResNet, StridePlace


@pytest.mark.parametrize(
    ("depth", "parameters"),  # of torchvision's networks, less those of the classifier
    [(18, 11_176_512), (34, 21_284_672), (50, 23_508_032), (101, 42_500_160), (152, 58_143_808)],
)
def test_a_trunk_has_the_parameters_of_its_depth(depth: int, parameters: int) -> None:
    with torch.device("meta"):
        assert count.parameters(ResNet(DEPTHS[depth])) == parameters


def strides(trunk: ResNet) -> dict[str, int]:
    return {
        name: module.stride[0]
        for name, module in trunk.named_modules()
        if isinstance(module, nn.Conv2d) and module.stride[0] > 1 and "layer" in name and "downsample" not in name
    }


@pytest.mark.parametrize(
    ("place", "strided"),
    [
        ("first-1x1", {"layer2.0.conv1": 2, "layer3.0.conv1": 2, "layer4.0.conv1": 2}),
        ("first-3x3", {"layer2.0.conv2": 2, "layer3.0.conv2": 2, "layer4.0.conv2": 2}),
        ("last-3x3", {"layer1.2.conv2": 2, "layer2.3.conv2": 2, "layer3.5.conv2": 2}),
    ],
)
def test_a_stage_strides_where_it_is_told(place: StridePlace, strided: dict[str, int]) -> None:
    with torch.device("meta"):
        trunk = ResNet(DEPTHS[50], stride_on=place)
        assert strides(trunk) == strided
        assert trunk(torch.zeros(1, 3, 64, 96))[3].shape == (1, 2048, 2, 3)


def test_a_last_stage_dilates_all_its_3x3_convolutions_in_place_of_striding() -> None:
    with torch.device("meta"):
        trunk = ResNet(DEPTHS[50], dilated=1)
        features = trunk(torch.zeros(1, 3, 64, 96))
    assert [f.shape[2] for f in features] == [16, 8, 4, 4]
    assert [block.conv2.dilation for block in trunk.layer4] == [(2, 2)] * 3  # type: ignore[union-attr]
    assert [block.conv2.dilation for block in trunk.layer3] == [(1, 1)] * 6  # type: ignore[union-attr]


def test_two_dilated_stages_dilate_by_two_and_by_four() -> None:
    with torch.device("meta"):
        trunk = ResNet(DEPTHS[50], dilated=2)
        assert trunk(torch.zeros(1, 3, 64, 64))[3].shape[2] == 8
    assert trunk.layer4[0].conv2.dilation == (4, 4)  # type: ignore[union-attr]


def test_caffes_first_pooling_starts_at_the_first_cell_and_rounds_up() -> None:
    row = torch.arange(8.0).expand(1, 1, 8, 8)
    assert ResNet(DEPTHS[18], ceil_pool=True).maxpool(row)[0, 0, 0].tolist() == [2, 4, 6, 7]
    assert ResNet(DEPTHS[18]).maxpool(row)[0, 0, 0].tolist() == [1, 3, 5, 7]


def test_attention_scales_the_residual_branch_of_the_blocks_that_ask_for_it() -> None:
    class Nothing(nn.Module):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return features * 0

    asked = []

    def only_second(block: int, channels: int) -> nn.Module | None:
        asked.append((block, channels))
        return Nothing() if block == 1 else None

    trunk = ResNet(DEPTHS[18], attention=only_second, width=8).eval()
    assert asked == [(i, channels) for channels in (8, 16, 32, 64) for i in (0, 1)]
    features = torch.rand(1, 8, 4, 4)
    second, first = trunk.layer1[1], trunk.layer1[0]
    assert torch.equal(second(features), features)  # nothing is added to it
    assert not torch.equal(first(features), features)
