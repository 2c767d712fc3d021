"""Maps and tags in HigherHRNet's layout, of drawn people."""

import numpy as np

from tests.engines.codecs.parity.drawn import Maps, blobs, noise, people, spurious, strengths

SIZE_HW = (192, 256)
SEEDS = (2022, 2023, 2042, 2025, 2026, 2027)
"""Seeds of scenes without ties of rounded tag distances, which the reference breaks by chance."""

# COCO's 17 joints of a standing person, in heights from the middle of the shoulders.
_UNIT = np.array(
    [
        *((0, -0.14), (0.03, -0.18), (-0.03, -0.18), (0.07, -0.16), (-0.07, -0.16), (0.13, 0), (-0.13, 0)),
        *((0.18, 0.2), (-0.18, 0.2), (0.2, 0.38), (-0.2, 0.38), (0.09, 0.4), (-0.09, 0.4), (0.1, 0.62)),
        *((-0.1, 0.62), (0.11, 0.82), (-0.11, 0.82)),
    ],
    np.float32,
)


def maps(scene: int) -> tuple[Maps, Maps]:
    """Coarse maps and tags (34, 48, 64) and fine maps (17, 96, 128) of the scene: one person, two, ... up to six.

    Tags are those of the nearest joint's owner, who are 1.4 apart, give or take 0.1.
    """
    random = np.random.default_rng(SEEDS[scene])
    places = people(scene + 1, SIZE_HW, _UNIT, random)
    strength = strengths(places.shape[:2], random)
    others, faint = spurious(17, SIZE_HW, random)
    all_places, all_strength = np.concatenate([places, others]), np.concatenate([strength, faint])
    coarse, fine = (blobs(all_places, all_strength, stride, SIZE_HW, 2.0) for stride in (4, 2))
    owners = 1.4 * random.permutation(len(all_places))
    rows, columns = (4 * np.arange(side // 4) + 2 for side in SIZE_HW)
    squares = (columns - all_places[..., 0, None, None]) ** 2 + (rows[:, None] - all_places[..., 1, None, None]) ** 2
    tags = owners[squares.argmin(axis=0)].astype(np.float32)
    coarse, fine = coarse + noise(coarse.shape, 0.02, random), fine + noise(fine.shape, 0.02, random)
    return np.concatenate([coarse, tags + noise(tags.shape, 0.2, random)]), fine
