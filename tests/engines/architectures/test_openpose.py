import numpy as np
import pytest
import torch
from torch import nn

from posestream.engines.architectures import ArchitectureError, create
from posestream.engines.architectures.openpose import REDUCED
from posestream.engines.architectures.pose_network import Network
from posestream.engines.codecs.paf import PartAffinityFields
from posestream.engines.plan import Region
from posestream.engines.results import Poses
from posestream.engines.skeletons import COCO17, OPENPOSE18
from posestream.engines.zoo.catalogue import find
from tests.engines.architectures.learning import fit, outputs_of
from tests.engines.architectures.parity.equality import greatest_error
from tests.engines.architectures.parity.fixture import read
from tests.engines.codecs.test_paf import standing


def layers(module: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [layer for layer in module.modules() if isinstance(layer, kind)]


@pytest.fixture(scope="module")
def network() -> Network:
    with torch.device("meta"):
        return create("openpose").eval()


def test_equal_weights_give_what_the_authors_network_gives_in_every_stage() -> None:
    assert greatest_error(create("openpose"), "openpose", read("openpose")) <= 1e-5


def test_all_stages_are_trained_and_the_last_is_decoded(network: Network) -> None:
    images = torch.zeros(2, 3, 64, 96, device="meta")
    maps, fields = (2, 19, 8, 12), (2, 38, 8, 12)
    with torch.no_grad():
        outputs = network(images)
    assert [output.shape for output in outputs] == [maps, fields, maps, fields]
    assert network.decoded(outputs) == outputs[2:]


def test_the_stages_that_only_train_can_be_had() -> None:
    with torch.device("meta"):
        assert len(create("openpose", refinements=3)(torch.zeros(1, 3, 64, 64))) == 8


def test_other_joints_and_limbs_give_other_maps() -> None:
    with torch.device("meta"):
        heatmaps, fields = create("openpose", joints=14, limbs=13)(torch.zeros(1, 3, 64, 64))[:2]
    assert heatmaps.shape[1] == 14 + 1 and fields.shape[1] == 2 * 13


def test_the_trunk_dilates_where_mobilenet_would_stride_again(network: Network) -> None:
    trunk = network.get_submodule("trunk")
    convolutions = [c for c in trunk.modules() if isinstance(c, nn.Conv2d) and c.kernel_size == (3, 3)]
    assert [c.stride[0] for c in convolutions] == [2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 1, 1]
    assert [c.dilation[0] for c in convolutions] == [1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]


def test_neck_and_initial_stage_are_not_normalised_and_refinement_has_biases_beside_it(network: Network) -> None:
    assert not layers(network.get_submodule("neck"), nn.BatchNorm2d)
    assert len(layers(network.get_submodule("neck"), nn.ELU)) == 6
    assert not layers(network.get_submodule("initial"), nn.BatchNorm2d)
    refinement = network.get_submodule("refinements.0")
    assert len(layers(refinement, nn.BatchNorm2d)) == 10
    assert all(c.bias is not None for c in layers(refinement, nn.Conv2d))


def test_images_that_stride_8_does_not_divide_are_refused() -> None:
    with pytest.raises(ArchitectureError, match="multiples of 8 px"):
        create("openpose", None, **REDUCED)(torch.zeros(1, 3, 64, 60))


def test_it_learns_a_person_and_gives_the_joints_back() -> None:
    torch.manual_seed(0)
    size_hw = (80, 64)
    order = [OPENPOSE18.joints.index(joint) for joint in COCO17.joints]
    truth = standing(32, 12, 60)[order][None]
    people = Poses(truth, np.ones((1, 17), np.float32), np.zeros((1, 4), np.float32), np.ones(1, np.float32))
    codec = PartAffinityFields(find("openpose"))
    network, image = create("openpose", None, **REDUCED), torch.randn(1, 3, *size_hw)
    losses = fit(network, "openpose", image, codec.encode(people, size_hw), steps=60, rate=6e-3)
    assert losses[-1] < losses[0] / 10
    poses = codec.decode(outputs_of(network, image), [Region(-0.5, -0.5, 64, 80)], size_hw)
    assert poses.keypoints.shape == truth.shape
    assert np.abs(poses.keypoints - truth).mean() < 2
