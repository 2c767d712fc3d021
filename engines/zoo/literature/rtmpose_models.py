from posestream.engines.spec import Architecture, Fit, InputSpec, ModelSpec, Publication, Role, Source, TensorSpec


def _rtmpose(variant: str, parameters: int, macs: int, average_precision: float) -> ModelSpec:
    """One size, trained on AI Challenger and COCO."""
    return ModelSpec(
        name=f"rtmpose-{variant}",
        title=f"RTMPose-{variant}",
        role=Role.TOP_DOWN,
        input=InputSpec(
            TensorSpec("images", "float32", (None, 3, 256, 192)),
            layout="nchw",
            colour="rgb",
            fit=Fit.CROP,
            mean=(123.675, 116.28, 103.53),
            std=(58.395, 57.12, 57.375),
            crop_scale=1.25,
        ),
        outputs=(
            TensorSpec("simcc_x", "float32", (None, 17, 384)),  # two bins a pixel
            TensorSpec("simcc_y", "float32", (None, 17, 512)),
        ),
        codec="simcc",
        source=Source(kind="file", format="checkpoint", files=()),
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
