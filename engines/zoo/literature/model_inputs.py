"""What the models of the literature have in common: images (N, 3, H, W) float32, and weights from the user."""

from typing import Literal

from posestream.engines.spec import Fit, InputSpec, TensorSpec, WeightsSource

CHECKPOINT = WeightsSource(kind="file", format="checkpoint", files=())
"""No package ships the weights: they come from the user's checkpoint."""

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


def crop_input(
    height: int,
    width: int,
    colour: Literal["rgb", "bgr"],
    *,
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0),
    std: tuple[float, float, float] = (1.0, 1.0, 1.0),
    pad_value: int = 0,
    crop_scale: float = 1.25,
) -> InputSpec:
    """Crops of one person, `crop_scale` times the person's box."""
    return InputSpec(
        TensorSpec("images", "float32", (None, 3, height, width)),
        layout="nchw",
        colour=colour,
        fit=Fit.CROP,
        mean=mean,
        std=std,
        pad_value=pad_value,
        crop_scale=crop_scale,
    )


def frame_input(
    colour: Literal["rgb", "bgr"],
    side: Literal["long", "short"],
    side_px: int,
    multiple_px: int,
    *,
    mean: tuple[float, float, float],
    std: tuple[float, float, float] = (1.0, 1.0, 1.0),
    pad_value: int = 0,
    crop_scale: float = 1.25,
) -> InputSpec:
    """Whole frames: the long or short side becomes `side_px`, both sides are padded to multiples of `multiple_px`.

    `crop_scale` is for training, which takes crops.
    """
    return InputSpec(
        TensorSpec("images", "float32", (None, 3, None, None)),
        layout="nchw",
        colour=colour,
        fit=Fit.LETTERBOX,
        mean=mean,
        std=std,
        pad_value=pad_value,
        crop_scale=crop_scale,
        side=side,
        side_px=side_px,
        multiple_px=multiple_px,
    )
