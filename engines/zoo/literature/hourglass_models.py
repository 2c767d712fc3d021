"""The networks of stacked hourglasses for MPII's joints share their input: a square of 256 px about the person."""

from collections.abc import Mapping
from typing import Any

from posestream.engines.spec import Architecture, Fit, InputSpec, ModelSpec, Publication, Role, Source, TensorSpec

MPII_SIDE_PX = 256
# MPII gives a person's scale as height / 200 px, and the crops of its networks are 200 px * scale * 1.25: a quarter
# larger than the person, whose height is the longer side of a detected box.
MPII_CROP_SCALE = 1.25


def mpii_model(
    architecture: Architecture,
    title: str,
    publication: Publication,
    licence: str,
    *,
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0),
    codec_options: Mapping[str, Any],
) -> ModelSpec:
    """A network (N, 3, 256, 256) -> maps (N, 16, 64, 64) of MPII's joints; `mean` is taken off pixels of 0-1."""
    name, variant = architecture.name, architecture.variant
    red, green, blue = (255 * value for value in mean)
    return ModelSpec(
        name=name if variant == "default" else f"{name}-{variant}",
        title=title,
        role=Role.TOP_DOWN,
        input=InputSpec(
            TensorSpec("images", "float32", (None, 3, MPII_SIDE_PX, MPII_SIDE_PX)),
            layout="nchw",
            colour="rgb",
            fit=Fit.CROP,
            mean=(red, green, blue),
            std=(255.0, 255.0, 255.0),
            crop_scale=MPII_CROP_SCALE,
        ),
        outputs=(TensorSpec("maps", "float32", (None, 16, MPII_SIDE_PX // 4, MPII_SIDE_PX // 4), stride=4),),
        codec="heatmap",
        codec_options=codec_options,
        source=Source(kind="file", format="checkpoint", files=()),
        licence=licence,
        skeleton="mpii16",
        architecture=architecture,
        publication=publication,
    )


def _hourglass(variant: str, stacks: int, parameters: int, macs: int, score: str) -> ModelSpec:
    return mpii_model(
        Architecture("hourglass", variant),
        f"Stacked Hourglass, {stacks} {'stack' if stacks == 1 else 'stacks'}",
        Publication(
            year=2016,
            paper="Newell, Yang, Deng 2016, Stacked Hourglass Networks for Human Pose Estimation",
            idea="goes down to the whole body and up to the joint, and again, each time supervised",
            parameters=parameters,
            macs=macs,
            score=score,
            weights="the authors, Torch7 (.t7) and PyTorch (.pt)",
        ),
        licence="BSD-3-Clause",
        codec_options={"mode": "quarter", "align": "centre", "sigma": 1.0},
    )


SPECS: tuple[ModelSpec, ...] = (
    _hourglass("s1", 1, 3_426_448, 5_150_343_168, "MPII val PCKh 85.1"),
    _hourglass("s2", 2, 6_570_400, 8_334_606_336, "MPII val PCKh 88.3"),
    _hourglass("s8", 8, 25_434_112, 27_440_185_344, "MPII val PCKh 88.0; 90.2 of the PyTorch form"),
)
