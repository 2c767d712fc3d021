"""Checkpoints of the literature's networks, from their authors or from `tools.train`, into our networks.

A file for each architecture has the layouts of its publishers as data. `reading` and `loading` need torch.
"""

from collections.abc import Mapping

from posestream.engines.zoo.checkpoints import (
    attention_weights,
    cpm_weights,
    deepercut_weights,
    higherhrnet_weights,
    hourglass_weights,
    hrnet_weights,
    jain2014_weights,
    openpose_weights,
    pyranet_weights,
    rmpe_weights,
    rtmpose_weights,
)
from posestream.engines.zoo.checkpoints.layout import CheckpointLayout

LAYOUTS: Mapping[str, tuple[CheckpointLayout, ...]] = {
    "jain2014": jain2014_weights.LAYOUTS,
    "cpm": cpm_weights.LAYOUTS,
    "deepercut": deepercut_weights.LAYOUTS,
    "hourglass": hourglass_weights.LAYOUTS,
    "attention": attention_weights.LAYOUTS,
    "pyranet": pyranet_weights.LAYOUTS,
    "rmpe": rmpe_weights.LAYOUTS,
    "hrnet": hrnet_weights.LAYOUTS,
    "higherhrnet": higherhrnet_weights.LAYOUTS,
    "openpose": openpose_weights.LAYOUTS,
    "rtmpose": rtmpose_weights.LAYOUTS,
}
"""Architecture -> the layouts of its publishers' checkpoints."""
