import subprocess
import sys

import pytest
import torch

from posestream.engines.architectures import NAMES, ArchitectureError, create, default_variant
from posestream.engines.architectures.pose_network import Network


def test_a_name_without_a_variant_is_its_default() -> None:
    assert default_variant("hrnet") == "w32"
    assert default_variant("pyranet") == "b"


def test_an_unknown_network_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ArchitectureError, match=r"unknown architecture 'hournglass': did you mean 'hourglass'\?"):
        create("hournglass")


def test_an_unknown_variant_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ArchitectureError, match="hrnet has no variant 'w64': it has w32, w48"):
        create("hrnet", "w64")


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ArchitectureError, match=r"hrnet-w32: .*'depth'"):
        create("hrnet", "w32", depth=3)


def test_a_network_of_no_joints_is_refused() -> None:
    with pytest.raises(ArchitectureError, match="hrnet: joints = 0: it must be 1 or more"):
        create("hrnet", joints=0)


@pytest.mark.parametrize("name", NAMES)
def test_every_network_takes_another_number_of_joints(name: str) -> None:
    with torch.device("meta"):
        network, other = create(name), create(name, joints=5)
    assert sum(p.numel() for p in network.parameters()) != sum(p.numel() for p in other.parameters())


def test_names_are_known_without_torch() -> None:
    code = (
        "import sys; from posestream.engines import architectures, losses; "
        "from posestream.engines.zoo import catalogue; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class Halver(Network):
    """The mean of 2x2 pixels, for images of even sides of at least 8 pixels."""

    multiple_px = 2
    min_px = 8

    def compute(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (torch.nn.functional.avg_pool2d(images, 2),)


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ((0, 3, 8, 8), "the batch is empty"),
        ((1, 4, 8, 8), r"expected \(batch, 3, height, width\)"),
        ((3, 8, 8), r"expected \(batch, 3, height, width\)"),
        ((1, 3, 6, 8), "height and width must be at least 8 px and multiples of 2 px"),
        ((1, 3, 8, 9), "height and width must be at least 8 px and multiples of 2 px"),
    ],
)
def test_images_that_a_network_cannot_take_are_refused(shape: tuple[int, ...], problem: str) -> None:
    with pytest.raises(ArchitectureError, match=problem):
        Halver()(torch.zeros(shape))
