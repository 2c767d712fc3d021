"""Stacked Hourglass.

The PyTorch form's checkpoints load as they are. The original's (Torch7, princeton-vl/pose-hg-train) hold a graph whose
modules have no names: write its tensors into an .npz under our own names, by their places in `models/hg.lua`. Shapes
are the same. For stack S, counted from 0:

    pre.0.0, pre.0.1              the 7x7 convolution and its normalisation
    pre.1, pre.3, pre.4           residual blocks up to the first hourglass
    hgs.S.up1, .low1, .low3       residual blocks of an hourglass, at its highest level
    hgs.S.low2.up1, ...           those a level lower, and so on; at the lowest one `low2` is a residual block too
    features.S.0                  the residual block after it
    features.S.1.0, features.S.1.1    the 1x1 convolution after that, and its normalisation
    outs.S                        the maps
    merge_features.S, merge_preds.S   what goes on to the next stack, of the features and of the maps

A residual block has bn1, conv1, bn2, conv2, bn3, conv3, and where channels change `skip`; all have weight and bias,
normalisations running_mean and running_var too.
"""

from posestream.engines.zoo.checkpoints.layout import CheckpointLayout

_BEFORE = r"(?:(?:model|module)\.)*"  # prefixes of trainers that wrap the network

LAYOUTS: tuple[CheckpointLayout, ...] = (
    CheckpointLayout(
        publisher="princeton-vl/pytorch_stacked_hourglass",
        rules=(
            (_BEFORE + r"(pre\.0|features\.\d+\.1)\.conv\.(\w+)", r"\1.0.\2"),
            (_BEFORE + r"(pre\.0|features\.\d+\.1)\.bn\.(\w+)", r"\1.1.\2"),
            (_BEFORE + r"hgs\.(\d+)\.0\.(.+\.bn\d\..+)", r"hgs.\1.\2"),
            (_BEFORE + r"hgs\.(\d+)\.0\.(.+?)\.conv\.(\w+)", r"hgs.\1.\2.\3"),
            (_BEFORE + r"(.+)\.skip_layer\.conv\.(\w+)", r"\1.skip.\2"),
            (_BEFORE + r"(.+?)(?:\.conv)+\.(\w+)", r"\1.\2"),
            (_BEFORE + r"(.+)", r"\1"),
        ),
        # It has a convolution in every skip, and uses only those where channels change: 7,385,216 unused weights.
        dropped=(_BEFORE + r"(?:pre\.3|hgs\..+|features\..+)\.skip_layer\.conv\.\w+",),
    ),
)
