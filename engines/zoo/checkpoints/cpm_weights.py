"""Convolutional Pose Machines.

The originals are Caffe's (CMU, pose_iter_…caffemodel). A tensor is called `layer/i` in the .npz, blob i (0 weight, 1
bias) of the layer of that name in the prototxt:

    arrays = {f"{layer}/{i}": b.data for layer, blobs in net.params.items() for i, b in enumerate(blobs)}
    numpy.savez("cpm.npz", **arrays)

Names are those of the released prototxts as far as they are known here; no caffemodel was at hand.
"""

import re

import numpy as np
from numpy.typing import NDArray

from posestream.engines.zoo.checkpoints.layout import CheckpointLayout

_BLOBS = ("weight", "bias")
_FEATURES = 32  # input channels of a stage beside the beliefs
# The ten convolutions of VGG, then five more -> their index in our trunk; poolings lie between.
_VGG_PLACES = {"1_1": 0, "1_2": 1, "2_1": 3, "2_2": 4, "3_1": 6, "3_2": 7, "3_3": 8, "3_4": 9, "4_1": 11, "4_2": 12}
_VGG_PLACES |= {f"4_{i}": 10 + i for i in range(3, 8)}


def _first_stage(match: re.Match[str]) -> str:
    """conv1 to conv3 are the trunk, conv4 to conv7 the stage; the last one is not followed by a ReLU."""
    layer, blob = int(match[1]), _BLOBS[int(match[2])]
    if layer <= 3:
        return f"trunk.{layer - 1}.0.0.{blob}"
    return f"first.{layer - 4}.{blob}" if layer == 7 else f"first.{layer - 4}.0.{blob}"


def _second_stage(match: re.Match[str]) -> str:
    """The second stage holds the trunk that all later ones share."""
    layer, blob = int(match[1]), _BLOBS[int(match[2])]
    return f"later_trunk.{layer - 1}.0.0.{blob}" if layer <= 3 else f"reductions.0.0.{blob}"


def _stage(match: re.Match[str]) -> str:
    layer, stage, blob = int(match[1]), int(match[2]), _BLOBS[int(match[3])]
    return f"stages.{stage - 2}.{layer - 1}.{blob}"


def _inner(match: re.Match[str]) -> str:
    layer, stage, blob = int(match[1]), int(match[2]), _BLOBS[int(match[3])]
    return f"stages.{stage - 2}.{layer - 1}.0.{blob}"


def _vgg(match: re.Match[str]) -> str:
    return f"trunk.{_VGG_PLACES[match[1]]}.0.{_BLOBS[int(match[2])]}"


def _features_first(name: str, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
    """MMPose concatenates beliefs and features in this order; the originals and we in the other."""
    if not re.fullmatch(r"(?:backbone\.)?cpm_stages\.\d+\.model\.0\.conv\.weight", name):
        return tensor
    beliefs = tensor.shape[1] - _FEATURES
    return np.concatenate([tensor[:, beliefs:], tensor[:, :beliefs]], axis=1)


_BEFORE = r"(?:backbone\.)?"
_LAYERS = {"conv": 0, "bn": 1}

LAYOUTS: tuple[CheckpointLayout, ...] = (
    CheckpointLayout(
        publisher="shihenw/convolutional-pose-machines-release (Caffe, as .npz)",
        rules=(
            (r"conv(\d)_stage1/([01])", _first_stage),
            (r"conv([1-4])_stage2/([01])", _second_stage),
            (
                r"conv1_stage(\d)/([01])",
                lambda match: f"reductions.{int(match[1]) - 2}.0.{_BLOBS[int(match[2])]}",
            ),
            (r"Mconv(5)_stage(\d)/([01])", _stage),
            (r"Mconv([1-4])_stage(\d)/([01])", _inner),
        ),
    ),
    CheckpointLayout(
        publisher="shihenw/convolutional-pose-machines-release (Caffe's VGG form, as .npz)",
        rules=(
            (r"conv([1-4]_[1-7])(?:_CPM)?/([01])", _vgg),
            (r"conv5_1_CPM/([01])", lambda match: f"first.0.0.{_BLOBS[int(match[1])]}"),
            (r"conv5_2_CPM/([01])", lambda match: f"first.1.{_BLOBS[int(match[1])]}"),
            (r"Mconv(7)_stage(\d)/([01])", _stage),
            (r"Mconv([1-6])_stage(\d)/([01])", _inner),
        ),
    ),
    CheckpointLayout(
        publisher="open-mmlab/mmpose (the form `plain`)",
        rules=(
            (
                _BEFORE + r"(stem|middle)\.([024])\.(conv|bn)\.(\w+)",
                lambda match: (
                    f"{'trunk' if match[1] == 'stem' else 'later_trunk'}.{int(match[2]) // 2}.0."
                    f"{_LAYERS[match[3]]}.{match[4]}"
                ),
            ),
            (_BEFORE + r"stem\.9\.conv\.(\w+)", r"first.3.\1"),
            (
                _BEFORE + r"stem\.([678])\.(conv|bn)\.(\w+)",
                lambda match: f"first.{int(match[1]) - 6}.{_LAYERS[match[2]]}.{match[3]}",
            ),
            (_BEFORE + r"cpm_stages\.(\d+)\.model\.(\d)\.conv\.(\w+)", r"stages.\1.\2.0.\3"),
            (_BEFORE + r"cpm_stages\.(\d+)\.model\.(\d)\.bn\.(\w+)", r"stages.\1.\2.1.\3"),
            (_BEFORE + r"middle_conv\.(\d+)\.0\.conv\.(\w+)", r"reductions.\1.0.\2"),
            (_BEFORE + r"middle_conv\.(\d+)\.0\.bn\.(\w+)", r"reductions.\1.1.\2"),
            (_BEFORE + r"out_convs\.(\d+)\.0\.conv\.(\w+)", r"stages.\1.3.0.\2"),
            (_BEFORE + r"out_convs\.(\d+)\.0\.bn\.(\w+)", r"stages.\1.3.1.\2"),
            (_BEFORE + r"out_convs\.(\d+)\.1\.conv\.(\w+)", r"stages.\1.4.\2"),
        ),
        changed=_features_first,
    ),
)
