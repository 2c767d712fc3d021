"""RMPE: Fang et al. 2017, "RMPE: Regional Multi-Person Pose Estimation", and FastPose, AlphaPose's later network."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from posestream.engines.architectures.fastpose import FastPose
from posestream.engines.architectures.hourglass import StackedHourglass
from posestream.engines.architectures.pose_network import Network
from posestream.engines.architectures.spatial_transformer import Localisation, inverse, transform

FASTPOSE_DEPTHS: Mapping[str, int] = {"fastpose-r50": 50, "fastpose-r152": 152}

REDUCED: Mapping[str, Mapping[str, int]] = {
    "sstn": {"width": 8, "stacks": 1},
    "fastpose-r50": {"width": 8},
    "fastpose-r152": {"width": 8},
}
"""By variant."""

_STACKS = 8  # of the SPPE
_PARALLEL_STACKS = 4  # of the parallel SPPE


def build(variant: str, *, joints: int | None = None, width: int = 64, **sstn: Any) -> Network:
    """16 joints of MPII for "sstn", 17 of COCO for FastPose. `width` is the channels of the trunks' stems.

    `stacks` and `parallel` are those of "sstn".
    """
    if variant in FASTPOSE_DEPTHS:
        return FastPose(FASTPOSE_DEPTHS[variant], joints or 17, width, **sstn)
    return SymmetricTransformer(joints or 16, width, **sstn)


class SymmetricTransformer(Network):
    """SSTN: a spatial transformer centres the crop on its person, a stacked hourglass (SPPE) poses it, and the inverse
    transformer maps the heat maps back.

    The outputs are maps (N, joints, H / 4, W / 4) of every stack, in the frame of the input. With `parallel`, in
    training, the maps of a frozen second SPPE follow, in the frame of the centred crop: their loss against a centred
    person trains the transformer (section 3.1.2). That SPPE must be trained on centred people before; its weights are
    `parallel.*`.
    """

    multiple_px = 64
    min_px = 64

    def __init__(self, joints: int, width: int, stacks: int = _STACKS, parallel: int = 0) -> None:
        super().__init__()
        self.localisation = Localisation(width)
        self.sppe = StackedHourglass(stacks, joints, 4 * width)
        self.stacks = stacks
        self.parallel = StackedHourglass(_PARALLEL_STACKS, joints, 4 * width) if parallel else None
        if self.parallel is not None:
            self.parallel.requires_grad_(False)

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        theta = self.localisation(images)
        centred = transform(images, theta)
        back = inverse(theta)
        outputs = [transform(maps, back) for maps in self.sppe(centred)]
        if self.parallel is not None and self.training:
            outputs.append(self.parallel.eval()(centred)[-1])
        return tuple(outputs)

    def decoded(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The last stack's maps."""
        return outputs[self.stacks - 1 : self.stacks]
