"""HigherHRNet. The shorter side of a frame becomes 512 or 640 px, as in its evaluation."""

from posestream.engines.spec import Architecture, ModelSpec, Publication, Role, TensorSpec
from posestream.engines.zoo.literature.model_inputs import CHECKPOINT, IMAGENET_MEAN, IMAGENET_STD, frame_input

_PAPER = "Cheng, Xiao, Wang, Shi, Huang, Zhang 2020, HigherHRNet"


def _higherhrnet(variant: str, side_px: int, parameters: int, macs: int, score: str) -> ModelSpec:
    return ModelSpec(
        name=f"higherhrnet-{variant}",
        title=f"HigherHRNet-{variant.upper()}, {side_px} px, any number of people",
        role=Role.BOTTOM_UP,
        input=frame_input("rgb", "short", side_px, 64, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        outputs=(
            TensorSpec("coarse", "float32", (None, 34, None, None), stride=4),  # 17 joints, 17 tags
            TensorSpec("fine", "float32", (None, 17, None, None), stride=2),
        ),
        codec="tags",
        source=CHECKPOINT,
        licence="MIT",
        skeleton="coco17",
        architecture=Architecture("higherhrnet", variant),
        publication=Publication(
            year=2020,
            paper=_PAPER,
            idea="finds all joints at two resolutions; a tag beside each says whose it is",
            parameters=parameters,
            macs=macs,
            macs_hw=(side_px, side_px),
            score=score,
            weights="the authors, PyTorch (.pth)",
        ),
    )


SPECS: tuple[ModelSpec, ...] = (
    _higherhrnet("w32", 512, 28_645_331, 46_203_404_288, "COCO val AP 67.1 (one scale, flip test)"),
    _higherhrnet("w48", 640, 63_827_139, 149_468_774_400, "COCO val AP 69.9 (one scale, flip test)"),
)
