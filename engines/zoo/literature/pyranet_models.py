from posestream.engines.spec import Architecture, ModelSpec, Publication
from posestream.engines.zoo.literature.mpii_model import mpii_model

# Of MPII's training images: the released code computes and subtracts it, and divides by no deviation.
_MPII_MEAN = (0.4404, 0.4440, 0.4327)


def _pyranet(variant: str, parameters: int, macs: int, score: str) -> ModelSpec:
    return mpii_model(
        Architecture("pyranet", variant),
        f"PyraNet, pyramid residual modules {variant.upper()}, 8 stacks",
        Publication(
            year=2017,
            paper="Yang, Li, Ouyang, Li, Wang 2017, Learning Feature Pyramids for Human Pose Estimation",
            idea="hourglasses whose residual blocks see their input at several scales at once",
            parameters=parameters,
            macs=macs,
            score=score,
            weights="the authors, Torch7 (.t7)" if variant == "b" else "nobody",
        ),
        licence="Apache-2.0",
        mean=_MPII_MEAN,
        codec_options={"mode": "quarter", "align": "centre", "sigma": 1.0},
    )


SPECS: tuple[ModelSpec, ...] = (
    _pyranet("a", 29_369_488, 24_304_669_388, ""),
    _pyranet("b", 28_131_832, 22_829_322_956, "MPII val PCKh 90.3 (mean over joints, 6 scales)"),
    _pyranet("c", 28_759_816, 23_611_036_364, ""),
    _pyranet("d", 28_131_832, 23_978_246_144, ""),
)
