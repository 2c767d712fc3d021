"""The networks whose keypoints a kernel decodes, and the rows of options that it reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posestream.engines.codecs import codec_for
from posestream.engines.codecs.heatmap import HeatMaps
from posestream.engines.codecs.simcc import SimCC
from posestream.engines.codecs.subpixel import reach_of, smoothing_taps
from posestream.engines.skeletons import SKELETONS
from posestream.engines.spec import ModelSpec

MAX_JOINTS, MAX_TAPS = 64, 33
HEAT_MAP = np.dtype(
    [
        ("taps", "<f8", MAX_TAPS),
        ("reach", "<i4"),
        ("mode", "<i4"),
        ("align", "<i4"),
        ("edge", "<i4"),
        ("joints", "<i4"),
        ("map_width", "<i4"),
        ("map_height", "<i4"),
        ("input_width", "<i4"),
        ("input_height", "<i4"),
        ("mirror", "<i4", MAX_JOINTS),
        ("spare", "<i4"),
    ],
    align=True,
)
SIMCC = np.dtype(
    [
        ("joints", "<i4"),
        ("bins_x", "<i4"),
        ("bins_y", "<i4"),
        ("input_width", "<i4"),
        ("input_height", "<i4"),
        ("mean", "<i4"),
        ("mirror", "<i4", MAX_JOINTS),
    ],
    align=True,
)
_MODES: Mapping[str, tuple[int, int]] = {
    "argmax": (0, 0),
    "quarter": (1, 0),
    "quarter-hrnet": (1, 1),
    "dark": (2, 0),
    "udp": (3, 0),
}
"""A rule of `engines.codecs.subpixel` -> the kernel's mode, and the last row and column that it does not refine."""

_ALIGNS: Mapping[str, int] = {"corner": 0, "centre": 1, "udp": 2}


@dataclass(frozen=True, slots=True)
class KeypointDecoder:
    """A kernel that decodes the keypoints of each image, the outputs that it reads, and its row of options, (1,)."""

    kernel: str
    outputs: tuple[int, ...]
    options: NDArray[np.void]
    joints: int


def decoder_of(spec: ModelSpec) -> KeypointDecoder | None:
    """The decoder of a model's outputs, or None where no kernel does what its codec does."""
    codec = codec_for(spec)
    maker = _MAKERS.get(type(codec))
    return maker(spec, codec) if maker and spec.input.size_hw else None


def _heat_maps(spec: ModelSpec, codec: HeatMaps) -> KeypointDecoder | None:
    if codec.mode not in _MODES:  # "enlarged" resizes maps eightfold, which only the CPU does
        return None
    (output,) = spec.outputs[:1]
    row = np.zeros(1, HEAT_MAP)
    taps = smoothing_taps(codec.sigma)
    row["taps"][0, : len(taps)], row["reach"] = taps, reach_of(codec.sigma)
    (row["mode"], row["edge"]), row["align"] = _MODES[codec.mode], _ALIGNS[codec.align]
    row["map_height"], row["map_width"] = output.shape[-2:]
    return KeypointDecoder("heatmap_peaks", (0,), *_common(spec, row))


def _simcc(spec: ModelSpec, codec: SimCC) -> KeypointDecoder | None:
    row = np.zeros(1, SIMCC)
    row["bins_x"], row["bins_y"] = (output.shape[-1] for output in spec.outputs)
    row["mean"] = codec.score == "mean"
    return KeypointDecoder("simcc_peaks", (0, 1), *_common(spec, row))


_MAKERS: Mapping[type, Callable[..., KeypointDecoder | None]] = {HeatMaps: _heat_maps, SimCC: _simcc}


def _common(spec: ModelSpec, row: NDArray[np.void]) -> tuple[NDArray[np.void], int]:
    skeleton = SKELETONS[spec.skeleton or ""]
    row["input_height"], row["input_width"] = spec.input.size_hw or (0, 0)
    row["joints"] = len(skeleton)
    row["mirror"][0, : len(skeleton)] = skeleton.mirror
    return row, len(skeleton)
