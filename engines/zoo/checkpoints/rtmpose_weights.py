"""MMPose, https://github.com/open-mmlab/mmpose: configs/body_2d_keypoint/rtmpose."""

from posestream.engines.zoo.checkpoints.layout import CheckpointLayout


def _stages() -> tuple[tuple[str, str], ...]:
    """The rules for stages 1 to 4, which are 0 to 3 here."""
    separable = r"(.+)\.conv2\.(depthwise|pointwise)_conv\.(.+)"
    return tuple(
        rule
        for i in range(4)
        for rule in (
            (rf"backbone\.stage{i + 1}\.{separable}", rf"trunk.stages.{i}.\1.\2.\3"),
            (rf"backbone\.stage{i + 1}\.(.+)", rf"trunk.stages.{i}.\1"),
        )
    )


LAYOUTS: tuple[CheckpointLayout, ...] = (
    CheckpointLayout(
        publisher="MMPose",
        rules=(
            *_stages(),
            (r"backbone\.stem\.(.+)", r"trunk.stem.\1"),
            (r"head\.gau\.res_scale\.scale", r"head.gau.res_scale"),
            (r"(head\..+)", r"\1"),
        ),
        dropped=(r"data_preprocessor\..+",),  # mean and standard deviation of pixels, in some versions
    ),
)
