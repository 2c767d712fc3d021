"""The models of the literature: a file per architecture, a ModelSpec per variant.

Figures are those of the publications; `posestream models` shows them. No package ships their weights: the user gives
them, or runs a network with random ones to see that it works.
"""

from posestream.engines.spec import ModelSpec
from posestream.engines.zoo.literature import (
    attention_models,
    cpm_models,
    deepercut_models,
    higherhrnet_models,
    hourglass_models,
    hrnet_models,
    jain2014_models,
    openpose_models,
    pyranet_models,
    rmpe_models,
    rtmpose_models,
)

# By year, as in the README.
SPECS: tuple[ModelSpec, ...] = (
    *jain2014_models.SPECS,
    *cpm_models.SPECS,
    *deepercut_models.SPECS,
    *hourglass_models.SPECS,
    *attention_models.SPECS,
    *pyranet_models.SPECS,
    *rmpe_models.SPECS,
    *openpose_models.SPECS,
    *hrnet_models.SPECS,
    *higherhrnet_models.SPECS,
    *rtmpose_models.SPECS,
)
