"""HRNet. All publishers number the trunk alike; they differ in the names around it."""

from posestream.engines.zoo.checkpoints.layout import CheckpointLayout

TRUNK = r"((?:conv|bn|layer|transition|stage)\d.*)"

LAYOUTS: tuple[CheckpointLayout, ...] = (
    CheckpointLayout(
        publisher="leoxiaobin/deep-high-resolution-net.pytorch",
        rules=((TRUNK, r"trunk.\1"), (r"final_layer\.(\w+)", r"head.\1")),
    ),
    CheckpointLayout(
        publisher="open-mmlab/mmpose",
        rules=((rf"backbone\.{TRUNK}", r"trunk.\1"), (r"(?:keypoint_)?head\.final_layer\.(\w+)", r"head.\1")),
    ),
)
