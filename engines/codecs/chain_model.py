"""How joints lie to each other: a face with two arms, each a chain from the trunk outwards, and what that makes of
response maps.

Jain et al. 2014, "Learning Human Pose Estimation Features with Convolutional Networks", section 3.3: the responses of
each part are multiplied with what its neighbours say, which is theirs convolved with a prior, the histogram of offsets
between the two. Their chain is one pass of sum-product on one arm; here is the same on both arms at once, which the
face joins, so that all beliefs are exact.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.signal import fftconvolve

Reals: TypeAlias = NDArray[np.float64]

BINS, BIN = 13, 0.04
"""A histogram has 13 x 13 bins, each 0.04 of a person's height wide and high; the middle one is about no offset."""

_SMOOTH = 0.7  # bins: histograms are of few people
_MISSED = 0.02  # the probability that nothing responds where a joint is: it is hidden
_BROKEN = 0.1  # ... that two joints lie as in no pose that the prior was learnt from: the chain is a weak model


class Explained(NamedTuple):
    """`beliefs` (N, K, h, w): of each joint at each cell, together with the best that the others can do, up to a
    factor. `evidence` (N,): how well maps are explained as one person; comparable between maps at several scales.
    """

    beliefs: Reals
    evidence: Reals


def fit(joints: NDArray[Any]) -> Reals:
    """Priors (L, 13, 13) from people (N, 2 L + 1, 2), places in units of each one's height: the face, the left arm from
    the trunk outwards, the right one. NaN where a joint is not labelled. Each prior sums to 1.

    Right arms count as left arms of the mirrored picture. Raises ValueError where nobody has both ends of a link.
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
        priors[link] = gaussian_filter(counts, _SMOOTH, mode="constant")
    priors /= priors.sum(axis=(1, 2), keepdims=True)
    return priors


def kernels(priors: NDArray[Any], cell: float) -> Reals:
    """Priors (L, 13, 13) as kernels (L, S, S) over cells, `cell` wide in units of a person's height; each sums to 1."""
    reach = max(1, int(BINS / 2 * BIN / cell))
    at = np.arange(-reach, reach + 1) * cell / BIN + (BINS - 1) / 2
    sampled: Reals = np.stack([map_coordinates(prior, np.meshgrid(at, at, indexing="ij"), order=1) for prior in priors])
    sampled /= sampled.sum(axis=(1, 2), keepdims=True)
    return sampled


def explain(responses: NDArray[Any], links: Reals, face: Reals) -> Explained:
    """Responses (N, K, h, w), 0 to 1, of the face, the left arm and the right arm, explained with kernels (L, S, S),
    K = 2 L + 1; `face` (w,) weighs columns where the face may be.

    The prior of a joint given the one nearer to the trunk, turned by half a turn, is that of the nearer one.
    """
    likely = _MISSED + (1 - _MISSED) * responses.astype(np.float64)
    count = len(links)
    # The right arm is a left one in the mirrored map: (N, 2, L, h, w).
    arms = np.stack([likely[:, 1 : count + 1], likely[:, count + 1 :, :, ::-1]], axis=1)
    beyond, inwards = _inwards(arms, links)
    here = likely[:, 0] * face
    faces = here * inwards[:, 0] * inwards[:, 1, :, ::-1]
    # What the face tells an arm includes what the other arm told it.
    outwards = np.stack([here, here[..., ::-1]], axis=1) * inwards[:, ::-1, :, ::-1]
    beliefs = np.empty_like(arms)
    for i in range(count):
        told = _message(outwards, links[i])
        beliefs[:, :, i] = beyond[i] * told
        outwards = arms[:, :, i] * told
    joined = np.concatenate([faces[:, None], beliefs[:, 0], beliefs[:, 1, ..., ::-1]], axis=1)
    return Explained(joined, faces.max(axis=(1, 2)))


def _inwards(arms: Reals, links: Reals) -> tuple[Sequence[Reals], Reals]:
    """What each joint and those beyond it say together, and what the innermost one tells the face, (N, 2, h, w)."""
    beyond = [arms[:, :, -1]] * len(links)
    told = np.ones_like(arms[:, :, 0])
    for i in reversed(range(len(links))):
        beyond[i] = arms[:, :, i] * told
        told = _message(beyond[i], links[i, ::-1, ::-1])
    return beyond, told


def _message(said: Reals, kernel: Reals) -> Reals:
    """(N, 2, h, w): over all places of one joint, what is said of it times the probability of its neighbour there."""
    near = np.maximum(fftconvolve(said, kernel[None, None], mode="same", axes=(2, 3)), 0)
    anywhere = said.mean(axis=(2, 3), keepdims=True)
    return np.asarray((1 - _BROKEN) * near + _BROKEN * anywhere)
