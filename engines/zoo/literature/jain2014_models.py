"""Jain et al. 2014: one network per part, seven joints."""

from posestream.engines.spec import Architecture, ModelSpec, Publication, Role, TensorSpec
from posestream.engines.zoo.literature.model_inputs import CHECKPOINT, crop_input

_HEIGHT_PX, _WIDTH_PX = 256, 192
_JOINTS = 7

SPECS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="jain2014",
        title="Jain et al. 2014, part networks and a chain of joints, upper body",
        role=Role.TOP_DOWN,
        input=crop_input(_HEIGHT_PX, _WIDTH_PX, "rgb", std=(255.0, 255.0, 255.0), pad_value=128),
        # Of the image at full, three quarters and half size.
        outputs=(
            TensorSpec("responses", "float32", (None, _JOINTS, 64, 48), stride=4),
            TensorSpec("responses_75", "float32", (None, _JOINTS, 48, 36)),
            TensorSpec("responses_50", "float32", (None, _JOINTS, 32, 24), stride=8),
        ),
        codec="chain",
        source=CHECKPOINT,
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
