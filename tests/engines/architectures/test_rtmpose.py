import numpy as np
import pytest
import torch
from torch import nn

from posestream.engines.architectures import ArchitectureError, create
from posestream.engines.architectures.rtmpose import REDUCED
from posestream.engines.codecs.simcc import SimCC
from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.engines.zoo.catalogue import find
from tests.engines.architectures.learning import fit, outputs_of
from tests.engines.architectures.parity.equality import greatest_error
from tests.engines.architectures.parity.fixture import read


@pytest.mark.parametrize("variant", ["t", "m"])
def test_equal_weights_give_what_mmpose_gives(variant: str) -> None:
    assert greatest_error(create("rtmpose", variant), "rtmpose", read(f"rtmpose-{variant}")) <= 1e-5


def test_normalisation_adds_what_the_published_configuration_says_not_what_rtmdet_does() -> None:
    with torch.device("meta"):
        network = create("rtmpose", "t")
    assert {m.eps for m in network.modules() if isinstance(m, nn.BatchNorm2d)} == {1e-5}


def test_only_attention_over_channels_and_the_map_of_joints_have_biases() -> None:
    with torch.device("meta"):
        network = create("rtmpose", "t")
    convolutions = (nn.Conv2d, nn.Linear)
    biased = [n for n, m in network.named_modules() if isinstance(m, convolutions) and m.bias is not None]
    attention = ["trunk.stages.0.1", "trunk.stages.1.1", "trunk.stages.2.1", "trunk.stages.3.2"]
    assert biased == [*(f"{stage}.attention.fc" for stage in attention), "head.final_layer"]


@pytest.mark.parametrize("size_hw", [(256, 192), (384, 288), (256, 256)])
def test_there_are_two_bins_a_pixel(size_hw: tuple[int, int]) -> None:
    height, width = size_hw
    with torch.device("meta"):
        network = create("rtmpose", "t", joints=26, height_px=height, width_px=width).eval()
        x, y = network(torch.zeros(2, 3, height, width))
    assert x.shape == (2, 26, 2 * width) and y.shape == (2, 26, 2 * height)


def test_crops_of_another_size_than_it_was_made_for_are_refused() -> None:
    with torch.device("meta"), pytest.raises(ArchitectureError, match=r"is for 256x192 px; create one with height_px"):
        create("rtmpose", "t")(torch.zeros(1, 3, 384, 288))


def test_a_size_that_stride_32_does_not_divide_is_refused() -> None:
    with torch.device("meta"), pytest.raises(ArchitectureError, match="crops of 250x192 px: both must be multiples"):
        create("rtmpose", "t", height_px=250)


def test_a_joint_is_told_by_the_other_joints_too() -> None:
    """The attention unit mixes joints: a change in one joint's map changes the others."""
    torch.manual_seed(0)
    head = create("rtmpose", "t", **REDUCED).eval().head
    assert isinstance(head, nn.Module)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
        vectors = torch.randn(1, 17, REDUCED["hidden"])
        changed = vectors.clone()
        changed[0, 0] += 1
        unit = head.get_submodule("gau")
        moved = (unit(changed) - unit(vectors))[0, 1:].abs().amax(dim=-1)
    assert (moved > 1e-4).any()


def test_it_begins_as_mmpose_does() -> None:
    torch.manual_seed(0)
    network = create("rtmpose", "t")
    spread = {name: float(weight.detach().std()) for name, weight in network.named_parameters() if weight.ndim > 1}
    assert spread["head.final_layer.weight"] == pytest.approx(0.001, rel=0.05)
    for name in ("head.mlp.1.weight", "head.gau.uv.weight", "head.gau.o.weight", "head.cls_x.weight"):
        assert spread[name] == pytest.approx(0.01, rel=0.05)
    assert spread["trunk.stem.2.conv.weight"] == pytest.approx((3 * 12 * 9) ** -0.5, rel=0.05)  # Kaiming, uniform


def test_it_learns_a_person_and_gives_the_joints_back() -> None:
    torch.manual_seed(0)
    size_hw = (256, 192)
    truth = np.random.default_rng(0).uniform((20, 20), (170, 235), (1, 17, 2)).astype(np.float32)
    person = Poses(truth, np.ones((1, 17), np.float32), np.zeros((1, 4), np.float32), np.ones(1, np.float32))
    codec = SimCC(find("rtmpose-t"))
    network, image = create("rtmpose", "t", **REDUCED), torch.randn(1, 3, *size_hw)
    losses = fit(network, "rtmpose", image, codec.encode(person, size_hw), steps=30, rate=3e-3)
    assert losses[-1] < losses[0] / 20
    poses = codec.decode(outputs_of(network, image), [Region(-0.5, -0.5, 192, 256)], size_hw)
    assert np.abs(poses.keypoints - truth).max() < 2
