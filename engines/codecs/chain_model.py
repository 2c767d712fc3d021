"""Sum-product inference on the tree of a face and two arms: response maps to marginals of all joints.

Jain et al. 2014, "Learning Human Pose Estimation Features with Convolutional Networks", section 3.3: the response of
each part is multiplied by the messages of its neighbours, which are their beliefs convolved with a prior
(`chain_priors`). Their chain is one pass along one arm; here both arms meet in the face and messages pass up to the
face and down again, so that all marginals are exact.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from posestream.engines.codecs.chain_priors import Reals

_MISS = 0.02  # probability of no response at a joint: it is occluded
_BREAK = 0.1  # probability of an offset that is unlike the prior's people: the chain is a weak model


class Marginals(NamedTuple):
    """`beliefs` (N, K, h, w): the unnormalised marginal of each joint over the cells. `evidence` (N,): the largest
    belief of the face, which measures how well one person explains the maps; comparable between maps of several scales.
    """

    beliefs: Reals
    evidence: Reals


def marginals(responses: NDArray[Any], links: Reals, face_prior: Reals) -> Marginals:
    """The marginals for responses (N, K, h, w), 0 to 1, of the face, the left arm and the right arm, K = 2 L + 1.

    `links` (L, S, S) are the priors of a left arm as kernels over cells; `face_prior` (w,) weighs the columns of the
    face.
    """
    likely = _MISS + (1 - _MISS) * responses.astype(np.float64)
    face, left, right = likely[:, 0] * face_prior, likely[:, 1 : len(links) + 1], likely[:, len(links) + 1 :]
    arms = _right_mirrored(np.stack([left, right], axis=1))  # (N, 2, L, h, w), both as left arms
    up = messages_up(arms, links)
    to_face = _right_mirrored(up[:, :, 0])
    from_face = _right_mirrored(face[:, None] * to_face[:, ::-1])  # to each arm: of the face and the other arm
    down = messages_down(arms, links, from_face)
    arm_beliefs = _right_mirrored(arms * up[:, :, 1:] * down)
    face_beliefs = face * to_face[:, 0] * to_face[:, 1]
    beliefs = np.concatenate([face_beliefs[:, None], arm_beliefs[:, 0], arm_beliefs[:, 1]], axis=1)
    return Marginals(beliefs, face_beliefs.max(axis=(1, 2)))


def messages_up(arms: Reals, links: Reals) -> Reals:
    """The messages (N, 2, L + 1, h, w) towards the face: at i that of joint i and all beyond it; at L, ones.

    `arms` (N, 2, L, h, w) from the trunk outwards. The prior of the inner joint given the outer one is that of the
    outer one given the inner one, rotated by 180 degrees.
    """
    people, sides, joints, *map_hw = arms.shape
    up = np.ones((people, sides, joints + 1, *map_hw))
    for i in reversed(range(joints)):
        up[:, :, i] = _message(arms[:, :, i] * up[:, :, i + 1], links[i, ::-1, ::-1])
    return up


def messages_down(arms: Reals, links: Reals, from_face: Reals) -> Reals:
    """The messages (N, 2, L, h, w) away from the face: at i that of all joints nearer to the face than joint i.

    `arms` (N, 2, L, h, w) from the trunk outwards; `from_face` (N, 2, h, w) is the belief of the face without the arm's
    own message.
    """
    down = np.empty_like(arms)
    inner = from_face
    for i in range(arms.shape[2]):
        down[:, :, i] = _message(inner, links[i])
        inner = arms[:, :, i] * down[:, :, i]
    return down


def _message(beliefs: Reals, kernel: Reals) -> Reals:
    """The message (N, 2, h, w): over the sender's cells the sum of belief times probability of the receiver's cell."""
    near = np.maximum(fftconvolve(beliefs, kernel[None, None], mode="same", axes=(2, 3)), 0)
    anywhere = beliefs.mean(axis=(2, 3), keepdims=True)
    return np.asarray((1 - _BREAK) * near + _BREAK * anywhere)


def _right_mirrored(sides: Reals) -> Reals:
    """Maps (N, 2, ..., w) of the left and the right side, the latter mirrored; its own inverse."""
    return np.stack([sides[:, 0], sides[:, 1, ..., ::-1]], axis=1)
