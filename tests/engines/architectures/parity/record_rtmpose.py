"""MMPose's RTMPose, Apache-2.0, from its own configurations.

Needs torch, numpy<2, mmengine, "mmcv-lite<2.2", xtcocotools, munkres, json_tricks and six; parts of MMPose that RTMPose
does not touch ask for mmdet and the compiled mmcv, for which empty stand-ins do.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from tests.engines.architectures.parity.recording import checkout, record

REPOSITORY = "https://github.com/open-mmlab/mmpose"
CONFIGS = {
    "t": "rtmpose-t_8xb256-420e_aic-coco-256x192.py",
    "m": "rtmpose-m_8xb256-420e_aic-coco-256x192.py",
}


class StandIn(ModuleType):
    """A module in which every name is a placeholder."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class Published(nn.Module):
    """Trunk and head, built from the configuration."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        registry = importlib.import_module("mmpose.registry").MODELS
        model.backbone.pop("init_cfg")  # it would fetch weights
        model.backbone.pop("_scope_")  # mmdet, whose trunk MMPose has too
        self.backbone = registry.build(model.backbone)
        self.head = registry.build(model.head)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        outputs: tuple[Tensor, Tensor] = self.head(self.backbone(images))
        return outputs


if __name__ == "__main__":
    path, reference = checkout(REPOSITORY)
    for module in ("mmdet", "mmdet.utils", "mmcv.ops"):
        sys.modules[module] = StandIn(module)
    importlib.import_module("mmpose.models")
    read = importlib.import_module("mmengine.config").Config.fromfile
    for variant, config in CONFIGS.items():
        model = read(path / "configs/body_2d_keypoint/rtmpose/coco" / config).model
        record(f"rtmpose-{variant}", f"{config} of {reference}", Published(model), (1, 3, 256, 192))
