"""RMPE and FastPose.

AlphaPose's checkpoints of FastPose are PyTorch's; the names here are those of its releases since 0.3. The SSTN's
originals are Caffe's and Torch7's (Fang-Haoshu/RMPE, multi-human-pose), graphs of several files without common names:
write their tensors into an .npz under our own names (`create("rmpe", "sstn").state_dict()` lists them: `localisation.`,
`sppe.` and, for training, `parallel.`); shapes are the same.
"""

from posestream.engines.zoo.checkpoints.layout import CheckpointLayout

LAYOUTS: tuple[CheckpointLayout, ...] = (
    CheckpointLayout(
        publisher="MVIG-SJTU/AlphaPose",
        rules=(
            (r"preact\.(.+)", r"trunk.\1"),
            (r"(duc[12]\..+)", r"\1"),
            (r"conv_out\.(\w+)", r"head.\1"),
        ),
    ),
)
