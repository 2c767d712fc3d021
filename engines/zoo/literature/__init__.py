"""The networks of the literature as models: a file for each architecture, a ModelSpec for each variant.

Figures are those of the publications; `posestream models` shows them. No package ships their weights: the user gives
them, or runs a network with random ones to see that it works.
"""

from engines.spec import ModelSpec
from engines.zoo.literature import (
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

# By year, as in the README.
SPECS: tuple[ModelSpec, ...] = (
    *jain2014.SPECS,
    *cpm.SPECS,
    *deepercut.SPECS,
    *hourglass.SPECS,
    *attention.SPECS,
    *pyranet.SPECS,
    *rmpe.SPECS,
    *openpose.SPECS,
    *hrnet.SPECS,
    *higherhrnet.SPECS,
    *rtmpose.SPECS,
)
