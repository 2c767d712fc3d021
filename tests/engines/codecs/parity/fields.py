"""Heat maps and part affinity fields in OpenPose's layout, of drawn people."""

import cv2
import numpy as np

from tests.engines.codecs.parity.drawn import Maps, noise, people
from tests.engines.codecs.test_paf import SIZE, maps_of, standing

SEEDS = (2018, *range(2020, 2028))
"""Seeds of scenes in which the reference does not split a person in two: it never joins two people."""
_MAX_PEOPLE = 5

_HEIGHT_PX = 250.0
_UNIT = standing(0, 0, _HEIGHT_PX) / np.float32(_HEIGHT_PX)


def maps(seed: int) -> Maps:
    """Heat maps and fields (46, 54, 57) of up to five people; one joint in ten is missing.

    Faint in some places and strong in others, with noise.
    """
    random = np.random.default_rng(seed)
    places = people(int(random.integers(1, _MAX_PEOPLE + 1)), SIZE, _UNIT, random)
    places[random.random(places.shape[:2]) < 0.1] = np.nan
    ideal = maps_of(*places, width_px=8.0)[0]
    coarse = random.uniform(0.15, 1.2, (4, 5)).astype(np.float32)
    gain = cv2.resize(coarse, ideal.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None].clip(0, 1)
    return np.asarray(gain * ideal + noise(ideal.shape[::-1], 0.04, random).transpose(2, 1, 0), np.float32)
