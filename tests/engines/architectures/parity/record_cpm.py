"""MMPose's Convolutional Pose Machines, Apache-2.0: all stages, with 16 joints. Needs what record_rtmpose needs."""

import importlib
import sys

from torch import Tensor, nn

from tests.engines.architectures.parity.record_rtmpose import StandIn
from tests.engines.architectures.parity.recording import checkout, record

REPOSITORY = "https://github.com/open-mmlab/mmpose"


class Published(nn.Module):
    """MMPose's trunks do not return themselves from `eval`; modules that hold them do."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = importlib.import_module("mmpose.models.backbones.cpm").CPM(3, 16)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.backbone(images))


if __name__ == "__main__":
    _, reference = checkout(REPOSITORY)
    for module in ("mmdet", "mmdet.utils", "mmcv.ops"):
        sys.modules[module] = StandIn(module)
    record("cpm-plain", f"mmpose/models/backbones/cpm.py of {reference}", Published(), (1, 3, 96, 128))
