from posestream.engines.spec import Architecture, ModelSpec, Publication, Role, TensorSpec
from posestream.engines.zoo.literature.model_inputs import CHECKPOINT, IMAGENET_MEAN, IMAGENET_STD, crop_input


def _rtmpose(variant: str, parameters: int, macs: int, average_precision: float) -> ModelSpec:
    """A variant trained on AI Challenger and COCO."""
    return ModelSpec(
        name=f"rtmpose-{variant}",
        title=f"RTMPose-{variant}",
        role=Role.TOP_DOWN,
        input=crop_input(256, 192, "rgb", mean=IMAGENET_MEAN, std=IMAGENET_STD),
        outputs=(
            TensorSpec("simcc_x", "float32", (None, 17, 384)),  # two bins a pixel
            TensorSpec("simcc_y", "float32", (None, 17, 512)),
        ),
        codec="simcc",
        source=CHECKPOINT,
        licence="Apache-2.0",
        skeleton="coco17",
        architecture=Architecture("rtmpose", variant),
        publication=Publication(
            year=2023,
            paper="Jiang et al. 2023, RTMPose: Real-Time Multi-Person Pose Estimation based on MMPose",
            idea="each joint's x and y as classes, two a pixel, from a trunk made for speed",
            parameters=parameters,
            macs=macs,
            score=f"COCO val AP {average_precision} (flip test, trained with AI Challenger)",
            weights="OpenMMLab, PyTorch (.pth)",
        ),
    )


SPECS: tuple[ModelSpec, ...] = (
    _rtmpose("t", 3_337_007, 354_611_456, 68.5),
    _rtmpose("s", 5_473_251, 676_220_928, 72.2),
    _rtmpose("m", 13_587_611, 1_917_486_080, 75.8),
    _rtmpose("l", 27_660_339, 4_142_125_056, 76.5),
)
