"""RTMPose: a CSPNeXt trunk and a head that classifies the x and y of each joint.

Jiang et al. 2023, "RTMPose: Real-Time Multi-Person Pose Estimation based on MMPose"; the targets are SimCC's (Li et al.
2022, "SimCC: a Simple Coordinate Classification Perspective for Human Pose Estimation"), and the head has a gated
attention unit over the joints (Hua et al. 2022, "Transformer Quality in Linear Time").
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from posestream.engines.architectures import ArchitectureError
from posestream.engines.architectures.cspnext import CSPNeXt, Size
from posestream.engines.architectures.pose_network import Network

VARIANTS: Mapping[str, Size] = {
    "t": Size(24, (1, 1, 1, 1)),
    "s": Size(32, (1, 2, 2, 1)),
    "m": Size(48, (2, 4, 4, 2)),
    "l": Size(64, (3, 6, 6, 3)),
}

REDUCED: Mapping[str, int] = {"width": 8, "hidden": 64}

_STRIDE_PX = 32
_BINS_PER_PX = 2  # SimCC's split ratio
_KEYS = 128  # channels of the attention's queries and keys


def build(
    variant: str,
    *,
    joints: int = 17,
    height_px: int = 256,
    width_px: int = 192,
    width: int | None = None,
    hidden: int = 256,
) -> "RTMPose":
    """The network of `variant` for crops of `height_px` by `width_px`.

    `width` is the channels of the stem, `hidden` those of a joint in the head. Raises ArchitectureError where a side is
    no multiple of 32 px.
    """
    if height_px % _STRIDE_PX or width_px % _STRIDE_PX:
        raise ArchitectureError(f"rtmpose: crops of {height_px}x{width_px} px: both must be multiples of {_STRIDE_PX}")
    size = VARIANTS[variant]
    return RTMPose(Size(width or size.width, size.blocks), joints, (height_px, width_px), hidden)


class RTMPose(Network):
    """Images of `size_hw` -> the logits of x (N, joints, 2 W) and of y (N, joints, 2 H) of each joint.

    Bin i is at pixel i / 2 of the image. The size of the images is part of the network.
    """

    multiple_px = _STRIDE_PX

    def __init__(self, size: Size, joints: int, size_hw: tuple[int, int], hidden: int) -> None:
        super().__init__()
        self._size_hw = size_hw
        self.trunk = CSPNeXt(size)
        self.head = _Head(self.trunk.channels, joints, size_hw, hidden)

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        return self.head(self.trunk(images))  # type: ignore[no-any-return]

    def _check(self, images: Tensor) -> None:
        super()._check(images)
        if tuple(images.shape[2:]) != self._size_hw:
            height, width = self._size_hw
            raise ArchitectureError(
                f"RTMPose: images of shape {tuple(images.shape)}: this network is for {height}x{width} px; "
                "create one with height_px and width_px for another size"
            )


class _Head(nn.Module):
    """RTMCC: a map for each joint, flattened, to a vector; attention between the joints; classifiers of x and y."""

    def __init__(self, channels: int, joints: int, size_hw: tuple[int, int], hidden: int) -> None:
        super().__init__()
        cells = math.prod(side // _STRIDE_PX for side in size_hw)
        self.final_layer = nn.Conv2d(channels, joints, 7, padding=3)
        self.mlp = nn.Sequential(_ScaleNorm(cells), nn.Linear(cells, hidden, bias=False))
        self.gau = _GatedAttention(hidden)
        self.cls_x = nn.Linear(hidden, size_hw[1] * _BINS_PER_PX, bias=False)
        self.cls_y = nn.Linear(hidden, size_hw[0] * _BINS_PER_PX, bias=False)
        self._initialise()

    def _initialise(self) -> None:
        """As in MMPose, for all layers alike."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.001)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        joints = self.gau(self.mlp(self.final_layer(features).flatten(2)))
        return self.cls_x(joints), self.cls_y(joints)


class _ScaleNorm(nn.Module):
    """Nguyen & Salazar 2019, "Transformers without Tears", eq. 6: vectors scaled to one learned length.

    Here the length is divided by the square root of the dimension, as in RMS normalisation.
    """

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.ones(1))
        self._scale = dimension**-0.5

    def forward(self, vectors: Tensor) -> Tensor:
        length: Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True) * self._scale
        return vectors / length.clamp(min=1e-5) * self.g


class _GatedAttention(nn.Module):
    """Gated attention unit over the joints (N, joints, hidden), added to its scaled input."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self._split = [2 * hidden, 2 * hidden, _KEYS]
        self.ln = _ScaleNorm(hidden)
        self.uv = nn.Linear(hidden, sum(self._split), bias=False)
        self.gamma = nn.Parameter(torch.rand(2, _KEYS))
        self.beta = nn.Parameter(torch.rand(2, _KEYS))
        self.o = nn.Linear(2 * hidden, hidden, bias=False)
        self.act = nn.SiLU()
        self.res_scale = nn.Parameter(torch.ones(hidden))

    def forward(self, joints: Tensor) -> Tensor:
        gate, values, base = torch.split(self.act(self.uv(self.ln(joints))), self._split, dim=-1)
        queries = base * self.gamma[0] + self.beta[0]
        keys = base * self.gamma[1] + self.beta[1]
        attention = torch.relu(queries @ keys.transpose(1, 2) / math.sqrt(_KEYS)).square()
        mixed: Tensor = self.o(gate * (attention @ values))
        return joints * self.res_scale + mixed
