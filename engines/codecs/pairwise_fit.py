"""Fits a `PairTable` to people: statistics of their offsets, and a logistic regression for each pair of joints."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log1p

from posestream.engines.codecs.pairwise_table import Reals

_MIN_STD_PX = 1.0


def statistics(keypoints: Reals, found: NDArray[np.bool_]) -> tuple[Reals, Reals]:
    """Mean and standard deviation, each (K, K, 2), of the offsets from joint a to joint b.

    `keypoints` (N, K, 2) are of people of one size, about 340 px as the authors'; only joints `found` (N, K) count.
    Raises ValueError where two joints are never found together.
    """
    both = (found[:, :, None] & found[:, None])[..., None]
    counted = both.sum(axis=0)
    if not counted.all():
        a, b, _ = np.argwhere(counted == 0)[0]
        raise ValueError(f"joints {a} and {b} are never found in one person: give more people")
    offsets = keypoints[:, None] - keypoints[:, :, None]
    means = np.where(both, offsets, 0).sum(axis=0) / counted
    variances = np.where(both, (offsets - means) ** 2, 0).sum(axis=0) / counted
    return means, np.maximum(np.sqrt(variances), _MIN_STD_PX)


def regression(values: Reals, same: NDArray[np.bool_], ridge: float = 1e-4) -> Reals:
    """The weights (9,), of `values` (M, 8) and a constant, that separate pairs of one person (`same`) from the others.

    Logistic regression with both classes weighted alike, on features scaled to 0-1 as in the authors' code; the weights
    are scaled back. `ridge` is the L2 penalty. Raises ValueError where a class has no pairs.
    """
    if same.all() or not same.any():
        raise ValueError("a logistic regression needs pairs of one person and pairs of two")
    low, high = values.min(axis=0), values.max(axis=0)
    span = np.maximum(high - low, 1e-12)
    scaled = np.column_stack([(values - low) / span, np.ones(len(values))])
    weight = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    sign = np.where(same, 1.0, -1.0)

    def objective(weights: Reals) -> tuple[float, Reals]:
        margin = sign * (scaled @ weights)
        loss = np.maximum(-margin, 0) + log1p(np.exp(-np.abs(margin)))
        slope = scaled.T @ (-weight * sign * expit(-margin))
        penalised = np.append(weights[:-1], 0)
        return float(weight @ loss + ridge / 2 * penalised @ penalised), slope + ridge * penalised

    fitted: Reals = minimize(objective, np.zeros(9), jac=True, method="L-BFGS-B").x
    weights = fitted[:-1] / span
    return np.append(weights, fitted[-1] - weights @ low)
