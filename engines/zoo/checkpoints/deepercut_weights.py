"""DeeperCut. Neither original is PyTorch: their tensors come in an .npz, under the names given here.

Caffe (MPI Informatik's ResNet-101-mpii-multiperson.caffemodel and ResNet-152.caffemodel): a tensor is called `layer/i`,
blob i of the layer of that name in the prototxt. Normalisation is two layers, and stays apart from the convolutions:
`bn…` has the sums of mean (0) and variance (1) and how much they count (2), `scale…` has weight (0) and bias (1). Mean
and variance must be divided by blob 2, which is left out:

    arrays = {}
    for layer, blobs in net.params.items():  # of pycaffe
        values = [blob.data for blob in blobs]
        if layer.startswith("bn"):
            values = [value / values[2] for value in values[:2]]
        arrays |= {f"{layer}/{i}": value for i, value in enumerate(values)}
    numpy.savez("deepercut.npz", **arrays)

TensorFlow (eldar/pose-tensorflow, and DeepLabCut after it): the names of the checkpoint's variables. Kernels are
(height, width, in, out), those of transposed convolutions (height, width, out, in), and the first one expects RGB. Its
networks are our form `tensorflow`. Names of heads were compared with code that reads such checkpoints, no checkpoint.
"""

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from posestream.engines.zoo.checkpoints.layout import CheckpointLayout

_BRANCHES: Mapping[str, int] = {"2a": 1, "2b": 2, "2c": 3}
_BLOBS: Mapping[str, str] = {"bn/0": "running_mean", "bn/1": "running_var", "scale/0": "weight", "scale/1": "bias"}
_HEADS: Mapping[str, str] = {"pose": "scores", "locref": "locref", "next": "pairwise"}
_WAYS: Mapping[str, str] = {"res5c_up": "up", "res3d": "skip"}


def _caffe_trunk(match: re.Match[str]) -> str:
    """Caffe numbers stages from the stem, and blocks by letters: a, b, c where they are few, else a, b1, b2, ..."""
    kind, stage, letter, number, branch, blob = match.groups()
    block = int(number) if number else "abc".index(letter)
    shortcut = branch == "1"
    if kind == "res":
        layer, what = "downsample.0" if shortcut else f"conv{_BRANCHES[branch]}", "weight"
    else:
        layer, what = "downsample.1" if shortcut else f"bn{_BRANCHES[branch]}", _BLOBS[f"{kind}/{blob}"]
    return f"trunk.layer{int(stage) - 1}.{block}.{layer}.{what}"


def _caffe_head(match: re.Match[str]) -> str:
    way, head, blob = match.groups()
    return f"{_HEADS[head]}.{_WAYS[way]}.{('weight', 'bias')[int(blob)]}"


_CAFFE = (
    ("conv1/0", "trunk.conv1.weight"),
    (r"(bn|scale)_conv1/([01])", lambda match: f"trunk.bn1.{_BLOBS[f'{match[1]}/{match[2]}']}"),
    (r"(?=res.*/0|bn|scale)(res|bn|scale)([2-5])([abc])(\d*)_branch(1|2[abc])/([01])", _caffe_trunk),
    (r"(res5c_up|res3d)_(pose|locref|next)/([01])", _caffe_head),
)

_STATISTICS: Mapping[str, str] = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_SLIM_HEADS: Mapping[str, str] = {"part_pred": "scores", "locref_pred": "locref", "pairwise_pred": "pairwise"}


def _slim_trunk(match: re.Match[str]) -> str:
    """TensorFlow's slim numbers units of a block from 1, and has statistics in the scope of their convolution."""
    stage, unit, convolution, statistic = match.groups()
    shortcut = convolution == "shortcut"
    if statistic is None:
        layer = "downsample.0.weight" if shortcut else f"{convolution}.weight"
    else:
        layer = ("downsample.1" if shortcut else f"bn{convolution[-1]}") + f".{_STATISTICS[statistic]}"
    return f"trunk.layer{stage}.{int(unit) - 1}.{layer}"


_NORM = f"BatchNorm/({'|'.join(_STATISTICS)})"
_TENSORFLOW = (
    (r"resnet_v1_\d+/conv1/weights", "trunk.conv1.weight"),
    (rf"resnet_v1_\d+/conv1/{_NORM}", lambda match: f"trunk.bn1.{_STATISTICS[match[1]]}"),
    (rf"resnet_v1_\d+/block(\d)/unit_(\d+)/bottleneck_v1/(conv\d|shortcut)/(?:weights|{_NORM})", _slim_trunk),
    (
        r"pose/(\w+_pred)/block4/(weight|bias)(?:s|es)",
        lambda match: f"{_SLIM_HEADS.get(match[1], match[1])}.up.{match[2]}",
    ),
)


def _turned(name: str, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
    """(height, width, in, out) -> (out, in, height, width), and the same for transposed ones; RGB -> BGR."""
    if tensor.ndim != 4:
        return tensor
    turned = tensor.transpose(3, 2, 0, 1)
    if name.count("/") == 2 and name.endswith("/conv1/weights"):
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)


_UNUSED = (r"pose/\w*interm\w*/.*", ".*/Momentum", "global_step")  # intermediate supervision; the optimizer's

# The first of equally good layouts is taken: for one person that is the one without pairwise heads.
LAYOUTS: tuple[CheckpointLayout, ...] = (
    CheckpointLayout("MPI Informatik (Caffe), pairwise heads left out", _CAFFE, dropped=(r"res\w+_next/\d",)),
    CheckpointLayout("MPI Informatik (Caffe)", _CAFFE),
    CheckpointLayout(
        "eldar/pose-tensorflow, pairwise heads left out",
        _TENSORFLOW,
        dropped=(*_UNUSED, r"pose/pairwise_pred/.*"),
        changed=_turned,
    ),
    CheckpointLayout("eldar/pose-tensorflow", _TENSORFLOW, dropped=_UNUSED, changed=_turned),
)
