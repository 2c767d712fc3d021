"""HigherHRNet as models. The shorter side of a frame becomes 512 or 640 pixels, as in its evaluation."""

from posestream.engines.spec import Architecture, Fit, InputSpec, ModelSpec, Publication, Role, Source, TensorSpec
from posestream.engines.zoo.literature.hrnet_models import IMAGENET_MEAN, IMAGENET_STD

_PAPER = "Cheng, Xiao, Wang, Shi, Huang, Zhang 2020, HigherHRNet"


def _higherhrnet(variant: str, side_px: int, parameters: int, macs: int, score: str) -> ModelSpec:
    return ModelSpec(
        name=f"higherhrnet-{variant}",
        title=f"HigherHRNet-{variant.upper()}, {side_px} px, any number of people",
        role=Role.BOTTOM_UP,
        input=InputSpec(
            TensorSpec("images", "float32", (None, 3, None, None)),
            layout="nchw",
            colour="rgb",
            fit=Fit.LETTERBOX,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            side="short",
            side_px=side_px,
            multiple_px=64,
        ),
        outputs=(
            TensorSpec("coarse", "float32", (None, 34, None, None), stride=4),  # 17 joints, 17 tags
            TensorSpec("fine", "float32", (None, 17, None, None), stride=2),
        ),
        codec="tags",
        source=Source(kind="file", format="checkpoint", files=()),
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
