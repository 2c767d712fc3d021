"""Codecs: network outputs to people, one file for each kind of output.

Codecs that need scipy are imported on first use: scipy takes longer to load than the rest of a process.
"""

from collections.abc import Callable, Mapping

from posestream.engines.codecs.codec import Codec
from posestream.engines.codecs.fastestdet import FastestDet
from posestream.engines.codecs.heatmap import HeatMaps
from posestream.engines.codecs.movenet import MoveNetMultiPose, MoveNetSingle
from posestream.engines.codecs.nanodet import NanoDet
from posestream.engines.codecs.paf import PartAffinityFields
from posestream.engines.codecs.part_scores import PartScores
from posestream.engines.codecs.simcc import SimCC
from posestream.engines.spec import ModelSpec


def _multicut(spec: ModelSpec) -> Codec:
    from posestream.engines.codecs.multicut import Multicut

    return Multicut(spec, **spec.codec_options)


def _chain(spec: ModelSpec) -> Codec:
    from posestream.engines.codecs.chain import Chain

    return Chain(spec, **spec.codec_options)


def _tags(spec: ModelSpec) -> Codec:
    from posestream.engines.codecs.tags import AssociativeEmbedding

    return AssociativeEmbedding(spec, **spec.codec_options)


CODECS: Mapping[str, Callable[[ModelSpec], Codec]] = {
    "nanodet": lambda spec: NanoDet(spec, **spec.codec_options),
    "fastestdet": lambda spec: FastestDet(**spec.codec_options),
    "movenet-single": lambda spec: MoveNetSingle(**spec.codec_options),
    "movenet-multipose": lambda spec: MoveNetMultiPose(**spec.codec_options),
    "heatmap": lambda spec: HeatMaps(spec, **spec.codec_options),
    "simcc": lambda spec: SimCC(spec, **spec.codec_options),
    "paf": lambda spec: PartAffinityFields(spec, **spec.codec_options),
    "part-scores": lambda spec: PartScores(spec, **spec.codec_options),
    "multicut": _multicut,
    "chain": _chain,
    "tags": _tags,
}


def codec_for(spec: ModelSpec) -> Codec:
    """The codec of a model. Raises KeyError where `CODECS` lacks it, TypeError where it lacks one of the options."""
    return CODECS[spec.codec](spec)
