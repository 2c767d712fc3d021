"""RMPE's spatial transformer network for MPII's joints, and FastPose for COCO's."""

from posestream.engines.spec import Architecture, ModelSpec, Publication, Role, TensorSpec
from posestream.engines.zoo.literature.model_inputs import CHECKPOINT, crop_input
from posestream.engines.zoo.literature.mpii_model import mpii_model

_SSTN = mpii_model(
    Architecture("rmpe", "sstn"),
    "RMPE: symmetric spatial transformer about a Stacked Hourglass of 8 stacks",
    Publication(
        year=2017,
        paper="Fang, Xie, Tai, Lu 2017, RMPE: Regional Multi-Person Pose Estimation",
        idea="centres each crop on its person first, poses it, and brings the maps back",
        parameters=36_613_702,
        macs=29_808_921_600,
        score="MPII multi-person AP 76.7",
        weights="the authors, Caffe and Torch7",
    ),
    licence="BSD-2-Clause-like",
    crop_scale=1.3,
    codec_options={"mode": "quarter", "align": "centre", "sigma": 1.0},
)


def _fastpose(depth: int, parameters: int, macs: int, score: str) -> ModelSpec:
    return ModelSpec(
        name=f"rmpe-fastpose-r{depth}",
        title=f"FastPose on SE-ResNet-{depth}, AlphaPose's network",
        role=Role.TOP_DOWN,
        input=crop_input(
            256,
            192,
            "rgb",
            mean=(255 * 0.406, 255 * 0.457, 255 * 0.480),  # as AlphaPose subtracts them from red, green and blue
            std=(255.0, 255.0, 255.0),
        ),
        outputs=(TensorSpec("maps", "float32", (None, 17, 64, 48), stride=4),),
        codec="heatmap",
        codec_options={"mode": "quarter-hrnet", "align": "corner", "sigma": 2.0, "shift": True},
        source=CHECKPOINT,
        licence="non-commercial",
        skeleton="coco17",
        architecture=Architecture("rmpe", f"fastpose-r{depth}"),
        publication=Publication(
            year=2018,
            paper="AlphaPose 0.3; Fang et al. 2022, AlphaPose",
            idea="a ResNet that attends to channels, brought up again by rearranging channels into pixels",
            parameters=parameters,
            macs=macs,
            score=score,
            weights="AlphaPose, PyTorch (.pth)",
        ),
    )


SPECS: tuple[ModelSpec, ...] = (
    _SSTN,
    _fastpose(50, 40_577_745, 5_886_967_808, "COCO val AP 72.0"),
    _fastpose(152, 75_213_521, 13_159_890_944, ""),
)
