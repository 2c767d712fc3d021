"""Checkpoints of the literature's networks, from their authors or from `tools.train`, into our networks.

A file for each architecture has the layouts of its publishers as data. `reading` and `loading` need torch.
"""

from collections.abc import Mapping

from engines.zoo.checkpoints import (
    attention,
    cpm,
    deepercut,
    higherhrnet,
    hourglass,
    hrnet,
    jain2014,
    openpose,
    pyranet,
    rmpe,
    rtmpose,
)
from engines.zoo.checkpoints.layout import Layout

LAYOUTS: Mapping[str, tuple[Layout, ...]] = {
    "jain2014": jain2014.LAYOUTS,
    "cpm": cpm.LAYOUTS,
    "deepercut": deepercut.LAYOUTS,
    "hourglass": hourglass.LAYOUTS,
    "attention": attention.LAYOUTS,
    "pyranet": pyranet.LAYOUTS,
    "rmpe": rmpe.LAYOUTS,
    "hrnet": hrnet.LAYOUTS,
    "higherhrnet": higherhrnet.LAYOUTS,
    "openpose": openpose.LAYOUTS,
    "rtmpose": rtmpose.LAYOUTS,
}
"""Who publishes checkpoints of each architecture, and how they name the tensors."""
