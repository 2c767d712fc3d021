"""RMPE's transformer network for MPII's joints, and FastPose for COCO's."""

from posestream.engines.spec import Architecture, Fit, InputSpec, ModelSpec, Publication, Role, Source, TensorSpec

_SSTN = ModelSpec(
    name="rmpe-sstn",
    title="RMPE: symmetric spatial transformer about a Stacked Hourglass of 8 stacks",
    role=Role.TOP_DOWN,
    input=InputSpec(
        TensorSpec("images", "float32", (None, 3, 256, 256)),
        layout="nchw",
        colour="rgb",
        fit=Fit.CROP,
        std=(255.0, 255.0, 255.0),
        crop_scale=1.3,
    ),
    outputs=(TensorSpec("maps", "float32", (None, 16, 64, 64), stride=4),),
    codec="heatmap",
    codec_options={"mode": "quarter", "align": "centre", "sigma": 1.0},
    source=Source(kind="file", format="checkpoint", files=()),
    licence="BSD-2-Clause-like",
    skeleton="mpii16",
    architecture=Architecture("rmpe", "sstn"),
    publication=Publication(
        year=2017,
        paper="Fang, Xie, Tai, Lu 2017, RMPE: Regional Multi-Person Pose Estimation",
        idea="centres each crop on its person first, poses it, and brings the maps back",
        parameters=36_613_702,
        macs=29_808_921_600,
        score="MPII multi-person AP 76.7",
        weights="the authors, Caffe and Torch7",
    ),
)


def _fastpose(depth: int, parameters: int, macs: int, score: str) -> ModelSpec:
    return ModelSpec(
        name=f"rmpe-fastpose-r{depth}",
        title=f"FastPose on SE-ResNet-{depth}, AlphaPose's network",
        role=Role.TOP_DOWN,
        input=InputSpec(
            TensorSpec("images", "float32", (None, 3, 256, 192)),
            layout="nchw",
            colour="rgb",
            fit=Fit.CROP,
            mean=(255 * 0.406, 255 * 0.457, 255 * 0.480),  # as AlphaPose takes them off red, green and blue
            std=(255.0, 255.0, 255.0),
            crop_scale=1.25,
        ),
        outputs=(TensorSpec("maps", "float32", (None, 17, 64, 48), stride=4),),
        codec="heatmap",
        codec_options={"mode": "quarter-hrnet", "align": "corner", "sigma": 2.0, "shift": True},
        source=Source(kind="file", format="checkpoint", files=()),
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
