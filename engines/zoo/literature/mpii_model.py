"""Networks around stacked hourglasses, for MPII's joints: a square of 256 px around the person, maps of 64 x 64."""

from collections.abc import Mapping
from typing import Any

from posestream.engines.spec import Architecture, ModelSpec, Publication, Role, TensorSpec
from posestream.engines.zoo.literature.model_inputs import CHECKPOINT, crop_input

_SIDE_PX = 256


def mpii_model(
    architecture: Architecture,
    title: str,
    publication: Publication,
    licence: str,
    *,
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0),
    crop_scale: float = 1.25,
    codec_options: Mapping[str, Any],
) -> ModelSpec:
    """A network (N, 3, 256, 256) -> maps (N, 16, 64, 64); `mean` is subtracted from pixels of 0-1.

    MPII gives a person's scale as height / 200 px, and the crops of its networks are 200 px * scale * 1.25: a quarter
    larger than the person, whose height is the longer side of a detected box.
    """
    name, variant = architecture.name, architecture.variant
    red, green, blue = (255 * value for value in mean)
    return ModelSpec(
        name=name if variant == "default" else f"{name}-{variant}",
        title=title,
        role=Role.TOP_DOWN,
        input=crop_input(
            _SIDE_PX, _SIDE_PX, "rgb", mean=(red, green, blue), std=(255.0, 255.0, 255.0), crop_scale=crop_scale
        ),
        outputs=(TensorSpec("maps", "float32", (None, 16, _SIDE_PX // 4, _SIDE_PX // 4), stride=4),),
        codec="heatmap",
        codec_options=codec_options,
        source=CHECKPOINT,
        licence=licence,
        skeleton="mpii16",
        architecture=architecture,
        publication=publication,
    )
