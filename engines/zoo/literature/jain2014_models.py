"""Jain et al. 2014 as a model: four networks, each for one part, seven joints."""

from posestream.engines.spec import Architecture, Fit, InputSpec, ModelSpec, Publication, Role, Source, TensorSpec

_HEIGHT_PX, _WIDTH_PX = 256, 192
_JOINTS = 7

SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="jain2014",
        title="Jain et al. 2014, part networks and a chain of joints, upper body",
        role=Role.TOP_DOWN,
        input=InputSpec(
            TensorSpec("images", "float32", (None, 3, _HEIGHT_PX, _WIDTH_PX)),
            layout="nchw",
            colour="rgb",
            fit=Fit.CROP,
            std=(255.0, 255.0, 255.0),
            pad_value=128,
            crop_scale=1.25,
        ),
        # Of the picture itself, and of it at three quarters and half its size.
        outputs=(
            TensorSpec("responses", "float32", (None, _JOINTS, 64, 48), stride=4),
            TensorSpec("responses_75", "float32", (None, _JOINTS, 48, 36)),
            TensorSpec("responses_50", "float32", (None, _JOINTS, 32, 24), stride=8),
        ),
        codec="chain",
        source=Source(kind="file", format="checkpoint", files=()),
        licence="GPL-2.0",
        skeleton="flic7",
        architecture=Architecture("jain2014", "default", {"joints": _JOINTS}),
        publication=Publication(
            year=2014,
            paper="Jain, Tompson, Andriluka, Taylor, Bregler 2014, "
            "Learning Human Pose Estimation Features with Convolutional Networks",
            idea="a network a part (4,186,482 parameters each) slides over the picture; a chain of joints explains it",
            parameters=16_745_928,
            macs=168_337_747_200,
            score="",
            weights="nobody",
        ),
    ),
)
