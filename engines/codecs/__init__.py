"""Network outputs become people: one file a kind of output."""

from collections.abc import Callable, Mapping

from engines.codecs.chain import Chain
from engines.codecs.fastestdet import FastestDet
from engines.codecs.heatmap import HeatMaps
from engines.codecs.movenet import MoveNetMultiPose, MoveNetSingle
from engines.codecs.multicut import Multicut
from engines.codecs.nanodet import NanoDet
from engines.codecs.paf import PartAffinityFields
from engines.codecs.part_scores import PartScores
from engines.codecs.protocol import Codec
from engines.codecs.simcc import SimCC
from engines.codecs.tags import AssociativeEmbedding
from engines.spec import ModelSpec

CODECS: Mapping[str, Callable[[ModelSpec], Codec]] = {
    "nanodet": lambda spec: NanoDet(spec, **spec.codec_options),
    "fastestdet": lambda spec: FastestDet(**spec.codec_options),
    "movenet-single": lambda spec: MoveNetSingle(**spec.codec_options),
    "movenet-multipose": lambda spec: MoveNetMultiPose(**spec.codec_options),
    "heatmap": lambda spec: HeatMaps(spec, **spec.codec_options),
    "simcc": lambda spec: SimCC(spec, **spec.codec_options),
    "paf": lambda spec: PartAffinityFields(spec, **spec.codec_options),
    "part-scores": lambda spec: PartScores(spec, **spec.codec_options),
    "multicut": lambda spec: Multicut(spec, **spec.codec_options),
    "chain": lambda spec: Chain(spec, **spec.codec_options),
    "tags": lambda spec: AssociativeEmbedding(spec, **spec.codec_options),
}


def codec_for(spec: ModelSpec) -> Codec:
    """The codec of a model, with its options. Raises KeyError for one that does not exist, TypeError for an option."""
    return CODECS[spec.codec](spec)
