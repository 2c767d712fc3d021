"""Convolutional Pose Machines. The crop is 368 px around a person, as in their released code."""

from posestream.engines.spec import Architecture, ModelSpec, Publication, Role, TensorSpec
from posestream.engines.zoo.literature.model_inputs import CHECKPOINT, crop_input

_SIDE_PX = 368


def _cpm(variant: str, title: str, skeleton: str, joints: int, parameters: int, macs: int, score: str) -> ModelSpec:
    return ModelSpec(
        name=f"cpm-{variant}",
        title=f"Convolutional Pose Machines, {title}",
        role=Role.TOP_DOWN,
        input=crop_input(
            _SIDE_PX, _SIDE_PX, "bgr", mean=(128.0, 128.0, 128.0), std=(256.0, 256.0, 256.0), pad_value=128
        ),
        outputs=(TensorSpec("beliefs", "float32", (None, joints, _SIDE_PX // 8, _SIDE_PX // 8), stride=8),),
        codec="heatmap",
        codec_options={"mode": "enlarged", "align": "centre", "sigma": 2.0, "quantised": False},
        source=CHECKPOINT,
        licence="non-commercial",
        skeleton=skeleton,
        architecture=Architecture("cpm", variant),
        publication=Publication(
            year=2016,
            paper="Wei, Ramakrishna, Kanade, Sheikh 2016, Convolutional Pose Machines",
            idea="each stage sees what the one before believed of all joints, and believes better",
            parameters=parameters,
            macs=macs,
            score=score,
            weights="the authors, Caffe",
        ),
    )


SPECS: tuple[ModelSpec, ...] = (
    _cpm(
        "lsp",
        "6 stages, LSP and MPII",
        "lsp14",
        14,
        31_219_866,
        175_437_729_280,
        "MPII test PCKh 88.5 (the paper's own claim)",
    ),
    _cpm(
        "flic",
        "4 stages, FLIC",
        "flic9",
        9,
        21_323_816,
        154_500_095_488,
        "FLIC PCK@0.2 elbow 97.59, wrist 95.03",
    ),
    _cpm("vgg", "6 stages on a VGG trunk", "lsp14", 14, 29_852_058, 88_419_683_840, ""),
)
