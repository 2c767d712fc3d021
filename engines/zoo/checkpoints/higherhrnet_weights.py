"""HigherHRNet. The four blocks after the transposed convolution are numbered from 1, each in a sequence of its own."""

from posestream.engines.zoo.checkpoints.hrnet_weights import TRUNK
from posestream.engines.zoo.checkpoints.layout import CheckpointLayout

_BLOCKS = tuple((rf"deconv_layers\.0\.{i + 1}\.0\.(.+)", rf"refinement.{i}.\1") for i in range(4))

LAYOUTS: tuple[CheckpointLayout, ...] = (
    CheckpointLayout(
        publisher="HRNet/HigherHRNet-Human-Pose-Estimation",
        rules=(
            (TRUNK, r"trunk.\1"),
            (r"final_layers\.0\.(\w+)", r"coarse_head.\1"),
            (r"deconv_layers\.0\.0\.(.+)", r"upward.\1"),
            *_BLOCKS,
            (r"final_layers\.1\.(\w+)", r"fine_head.\1"),
        ),
    ),
)
