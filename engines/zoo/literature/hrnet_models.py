"""HRNet, with the heads for COCO and for MPII."""

from posestream.engines.spec import Architecture, ModelSpec, Publication, Role, TensorSpec
from posestream.engines.zoo.literature.model_inputs import CHECKPOINT, IMAGENET_MEAN, IMAGENET_STD, crop_input

_PAPER = "Sun, Xiao, Liu, Wang 2019, Deep High-Resolution Representation Learning for Human Pose Estimation"


def _hrnet(variant: str, macs: int, parameters: int, score: str, size_hw: tuple[int, int], skeleton: str) -> ModelSpec:
    height, width = size_hw
    joints, suffix = (17, "" if height == 256 else f"-{height}") if skeleton == "coco17" else (16, "-mpii")
    return ModelSpec(
        name=f"hrnet-{variant}{suffix}",
        title=f"HRNet-{variant.upper()}, {'COCO' if joints == 17 else 'MPII'}, {width}x{height}",
        role=Role.TOP_DOWN,
        input=crop_input(height, width, "rgb", mean=IMAGENET_MEAN, std=IMAGENET_STD),
        outputs=(TensorSpec("maps", "float32", (None, joints, height // 4, width // 4), stride=4),),
        codec="heatmap",
        codec_options={
            "mode": "quarter-hrnet",
            "align": "corner",
            "sigma": 3.0 if height == 384 else 2.0,
            "shift": True,
        },
        source=CHECKPOINT,
        licence="MIT",
        skeleton=skeleton,
        architecture=Architecture("hrnet", variant, {} if joints == 17 else {"joints": joints}),
        publication=Publication(
            year=2019,
            paper=_PAPER,
            idea="keeps a high-resolution branch from end to end beside coarser ones that exchange with it",
            parameters=parameters,
            macs=macs,
            score=score,
            weights="the authors and mmpose, PyTorch (.pth)",
        ),
    )


SPECS: tuple[ModelSpec, ...] = (
    _hrnet("w32", 7_645_003_776, 28_536_113, "COCO val AP 74.4", (256, 192), "coco17"),
    _hrnet("w48", 15_691_825_152, 63_595_745, "COCO val AP 75.1", (256, 192), "coco17"),
    _hrnet("w32", 17_201_258_496, 28_536_113, "COCO val AP 75.8", (384, 288), "coco17"),
    _hrnet("w48", 35_306_606_592, 63_595_745, "COCO val AP 76.3", (384, 288), "coco17"),
    _hrnet("w32", 10_193_207_296, 28_536_080, "MPII val PCKh 90.3", (256, 256), "mpii16"),
    _hrnet("w48", 20_922_236_928, 63_595_696, "", (256, 256), "mpii16"),
)
