import numpy as np
import pytest
import torch

from posestream.engines.architectures import create, reduced
from posestream.engines.architectures.spatial_transformer import Localisation, inverse, transform


def turned(angle_rad: float, scale: float = 0.8, x: float = 0.1, y: float = -0.15) -> torch.Tensor:
    cos, sin = np.cos(angle_rad) * scale, np.sin(angle_rad) * scale
    return torch.tensor([[[cos, -sin, x], [sin, cos, y]]], dtype=torch.float32)


def bump(size: int = 64, x: float = 28.0, y: float = 36.0) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 72)[None, None]


def test_the_transformer_begins_with_the_identity() -> None:
    theta = Localisation(8)(torch.rand(2, 3, 64, 64))
    assert torch.equal(theta, torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]).expand(2, 2, 3))
    picture = torch.rand(2, 3, 64, 64)
    assert torch.allclose(transform(picture, theta), picture, atol=1e-5)


def test_the_inverse_undoes_the_map() -> None:
    theta = turned(0.4)
    both = torch.cat([theta, torch.tensor([[[0.0, 0, 1]]])], dim=1) @ torch.cat(
        [inverse(theta), torch.tensor([[[0.0, 0, 1]]])], dim=1
    )
    assert torch.allclose(both, torch.eye(3), atol=1e-6)


@pytest.mark.parametrize("angle_rad", [0.0, 0.3, -0.5])
def test_maps_come_back_to_where_they_were(angle_rad: float) -> None:
    theta = turned(angle_rad)
    there_and_back = transform(transform(bump(), theta), inverse(theta))
    assert (there_and_back - bump()).abs().max() < 0.08
    mass = there_and_back[0, 0] / there_and_back.sum()
    assert abs(float((mass.sum(dim=0) * torch.arange(64)).sum()) - 28) < 0.2
    assert abs(float((mass.sum(dim=1) * torch.arange(64)).sum()) - 36) < 0.2


def test_a_place_shows_what_was_at_theta_of_it() -> None:
    """A shift by half the picture's half-width: what was 16 px right of the middle of 64 comes to the middle."""
    moved = transform(bump(x=47.5, y=31.5), torch.tensor([[[1.0, 0, 0.5], [0, 1, 0]]]))
    assert torch.allclose(moved[..., 16:48], bump(x=31.5, y=31.5)[..., 16:48], atol=1e-2)


def test_the_edges_of_outermost_pixels_are_one_from_the_middle() -> None:
    """Half the size about the middle: pixel i of 64 shows the picture at 2 i - 31.5 pixels, edge on edge."""
    columns = torch.arange(64.0).expand(1, 1, 64, 64)
    enlarged = transform(columns, torch.tensor([[[0.5, 0, 0], [0, 1, 0]]]))
    assert torch.allclose(enlarged[0, 0, 30], (torch.arange(64) + 0.5) / 2 + 15.5, atol=1e-4)


@pytest.mark.parametrize("theta", [[[0.0, 0, 0], [0, 0, 0]], [[1.0, 1, 0], [1, 1, 0]]])
def test_a_map_that_flattens_the_picture_has_a_finite_inverse(theta: list[list[float]]) -> None:
    assert torch.isfinite(inverse(torch.tensor([theta]))).all()


def test_the_loss_of_maps_teaches_the_transformer_where_to_look() -> None:
    network = create("rmpe", "sstn", **reduced("rmpe", "sstn"))
    maps = network(torch.rand(2, 3, 64, 64))[-1]
    maps.square().sum().backward()
    bias = network.get_parameter("localisation.fc.bias")
    assert bias.grad is not None and bias.grad.abs().sum() > 0


def test_the_parallel_network_is_there_in_training_alone_and_learns_nothing() -> None:
    network = create("rmpe", "sstn", **reduced("rmpe", "sstn"), parallel=1)
    images = torch.rand(2, 3, 64, 64)
    assert len(network.train()(images)) == 2
    assert len(network.eval()(images)) == 1
    assert not any(parameter.requires_grad for parameter in network.get_submodule("parallel").parameters())


def test_the_parallel_network_sees_the_centred_crop_and_tells_the_transformer() -> None:
    network = create("rmpe", "sstn", **reduced("rmpe", "sstn"), parallel=1).train()
    network(torch.rand(2, 3, 64, 64))[-1].sum().backward()
    bias = network.get_parameter("localisation.fc.bias")
    assert bias.grad is not None and bias.grad.abs().sum() > 0


def test_fastpose_attends_to_channels_in_the_first_block_of_each_stage() -> None:
    with torch.device("meta"):
        network = create("rmpe", "fastpose-r50")
    attending = [name for name, _ in network.named_modules() if name.endswith("se.fc")]
    assert attending == [f"trunk.layer{i}.0.se.fc" for i in (1, 2, 3, 4)]


def test_fastpose_gives_a_quarter_of_the_crop() -> None:
    with torch.device("meta"), torch.no_grad():
        (maps,) = create("rmpe", "fastpose-r50").eval()(torch.zeros(2, 3, 256, 192))
    assert maps.shape == (2, 17, 64, 48)
