from posestream.engines.spec import Architecture, ModelSpec, Publication
from posestream.engines.zoo.literature.mpii_model import mpii_model

SPECS: tuple[ModelSpec, ...] = (
    mpii_model(
        Architecture("attention", "default"),
        "Multi-context attention, 8 stacks",
        Publication(
            year=2017,
            paper="Chu, Yang, Ouyang, Ma, Yuille, Wang 2017, Multi-Context Attention for Human Pose Estimation",
            idea="hourglasses that attend to the body first, then to each part, by conditional random fields",
            parameters=58_312_088,
            macs=63_863_619_584,
            score="MPII test PCKh 91.5 (the paper's own claim)",
            weights="the authors, Torch7 (.t7)",
        ),
        licence="BSD-3-Clause",
        mean=(0.5, 0.5, 0.5),
        codec_options={"mode": "argmax", "align": "centre", "sigma": 1.0},
    ),
)
