import pytest
import torch
from torch import nn

from posestream.engines.architectures import create
from tests.engines.architectures.parity.equality import greatest_error
from tests.engines.architectures.parity.fixture import read


@pytest.mark.parametrize(
    ("fixture", "architecture", "variant", "joints"),
    [
        ("hrnet-w32", "hrnet", "w32", 17),
        ("hrnet-w32-mpii", "hrnet", "w32", 16),
        pytest.param("hrnet-w48", "hrnet", "w48", 17, marks=pytest.mark.slow),
        ("higherhrnet-w32", "higherhrnet", "w32", 17),
        pytest.param("higherhrnet-w48", "higherhrnet", "w48", 17, marks=pytest.mark.slow),
    ],
)
def test_equal_weights_give_what_the_authors_network_gives(
    fixture: str, architecture: str, variant: str, joints: int
) -> None:
    network = create(architecture, variant, joints=joints)
    assert greatest_error(network, architecture, read(fixture)) < 1e-5


def upsamplings(network: nn.Module) -> set[str]:
    return {module.mode for module in network.modules() if isinstance(module, nn.Upsample)}


def test_coarse_branches_are_enlarged_without_interpolation() -> None:
    with torch.device("meta"):
        assert upsamplings(create("hrnet")) == {"nearest"}


def test_only_the_head_has_biases() -> None:
    with torch.device("meta"):
        network = create("hrnet")
    biased = [n for n, m in network.named_modules() if isinstance(m, nn.Conv2d) and m.bias is not None]
    assert biased == ["head"]


def test_the_last_exchange_gives_only_the_finest_branch() -> None:
    with torch.device("meta"):
        network = create("hrnet")
    assert len(network.get_submodule("trunk.stage4.2.fuse_layers")._modules) == 1
    assert len(network.get_submodule("trunk.stage4.1.fuse_layers")._modules) == 4


def test_a_batch_of_another_size_and_frame_goes_through() -> None:
    with torch.device("meta"), torch.no_grad():
        (maps,) = create("hrnet").eval()(torch.zeros(3, 3, 128, 96))
        coarse, fine = create("higherhrnet").eval()(torch.zeros(1, 3, 128, 192))
    assert maps.shape == (3, 17, 32, 24)
    assert coarse.shape == (1, 34, 32, 48) and fine.shape == (1, 17, 64, 96)
