from posestream.engines.spec import Architecture, ModelSpec, Publication
from posestream.engines.zoo.literature.mpii_model import mpii_model


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
