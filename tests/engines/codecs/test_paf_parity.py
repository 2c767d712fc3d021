"""Part affinity fields: our decoding against that of the authors of the lightweight OpenPose."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from posestream.engines.codecs.paf import PartAffinityFields
from posestream.engines.results import Poses
from posestream.engines.zoo.catalogue import find
from tests.engines.codecs.parity import fields
from tests.engines.codecs.test_paf import REGION, SIZE

SPEC = replace(find("openpose"), skeleton="openpose18")
CODEC = PartAffinityFields(SPEC, **SPEC.codec_options)
CELL_PX = 8


def found_in(maps: NDArray[np.float32]) -> Poses:
    heatmaps, both = np.split(maps.transpose(2, 0, 1)[None], [19], axis=1)
    return CODEC.decode([heatmaps, both], [REGION], SIZE)


@pytest.mark.parametrize("seed", fields.SEEDS)
def test_everybody_whom_the_authors_decoder_finds_in_imperfect_maps_is_found_with_all_their_joints(seed: int) -> None:
    """And nobody else. We may find more joints: at borders, and if a late limb joins two halves of a person."""
    with np.load(Path(fields.__file__).with_name("fields.npz"), allow_pickle=False) as recorded:
        theirs = recorded[f"people_{seed}"]
    found = found_in(fields.maps(seed))
    assert len(found) == len(theirs)
    places = theirs[..., :2] * 2 + 0.5  # from the map upsampled 4 times, whose pixels are 2 px wide
    there = theirs[..., 2] > 0
    near = np.abs(found.keypoints[:, None] - places).max(axis=-1) < CELL_PX
    same = ((near & (found.keypoint_scores[:, None] > 0)) | ~there).all(axis=-1)
    assert same.any(axis=0).all() and same.any(axis=1).all()
