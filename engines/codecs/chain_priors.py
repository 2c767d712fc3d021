"""Priors of the chain model: histograms of the offsets between neighbouring joints of an arm.

Jain et al. 2014, "Learning Human Pose Estimation Features with Convolutional Networks", section 3.3. L links make the
chain of an arm from the face outwards. A prior is (13, 13), rows y, columns x: the probability of each offset from the
inner joint of a link to the outer one, in bins of 0.04 of the person's height; the middle bin is about no offset.
"""

import json
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from posestream.engines.skeletons import Skeleton

Reals: TypeAlias = NDArray[np.float64]

BINS, BIN = 13, 0.04
_SMOOTHING_BINS = 0.7  # sigma of the Gaussian over a histogram, which few people fill


def fit(joints: NDArray[Any]) -> Reals:
    """Priors (L, 13, 13) from people (N, 2 L + 1, 2) in units of each one's height, NaN for unlabelled joints.

    The joints are the face, the left arm from the trunk outwards, and the right arm. Right arms count as left arms of
    the mirrored image. Each prior sums to 1. Raises ValueError where nobody has both ends of a link.
    """
    links = joints.shape[1] // 2
    face, left, right = joints[:, :1], joints[:, 1 : links + 1], joints[:, links + 1 :]
    chains = np.concatenate([np.concatenate([face, left], axis=1), np.concatenate([face, right], axis=1) * (-1, 1)])
    offsets = np.diff(chains, axis=1)
    edges = (np.arange(BINS + 1) - BINS / 2) * BIN
    priors = np.empty((links, BINS, BINS))
    for link in range(links):
        known = offsets[np.isfinite(offsets[:, link]).all(axis=1), link]
        counts = np.histogram2d(known[:, 1], known[:, 0], (edges, edges))[0]
        if not counts.any():
            raise ValueError(f"priors: nobody has both ends of link {link + 1} of {links} labelled, within reach")
        priors[link] = gaussian_filter(counts, _SMOOTHING_BINS, mode="constant")
    priors /= priors.sum(axis=(1, 2), keepdims=True)
    return priors


def kernels(priors: NDArray[Any], cell: float) -> Reals:
    """Priors (L, 13, 13) resampled to kernels (L, S, S) over cells of `cell` heights of a person; each sums to 1."""
    reach = max(1, int(BINS / 2 * BIN / cell))
    at = np.arange(-reach, reach + 1) * cell / BIN + (BINS - 1) / 2
    sampled: Reals = np.stack([map_coordinates(prior, np.meshgrid(at, at, indexing="ij"), order=1) for prior in priors])
    sampled /= sampled.sum(axis=(1, 2), keepdims=True)
    return sampled


def file_of(skeleton: Skeleton) -> Path:
    """The data file of a skeleton's priors: counts of people for each link and bin, as JSON."""
    return Path(__file__).with_name(f"chain_{skeleton.name}.json")


def read(skeleton: Skeleton) -> Reals:
    """The priors (L, 13, 13) of a skeleton. Raises ValueError where the file is missing."""
    if not file_of(skeleton).exists():
        raise ValueError(f"chain: no priors for {skeleton.name}: fit them with engines.codecs.chain_priors")
    data = json.loads(file_of(skeleton).read_text())
    counts = np.array([link["counts"] for link in data["links"]], np.float64)
    return counts / int(data["people"])
