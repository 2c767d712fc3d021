"""Patches that show a part in their middle and patches that do not: Jain et al. 2014, "Learning Human Pose Estimation
Features with Convolutional Networks", section 3.

A picture's response maps hold the answers for all of its patches, so the negative log-likelihood is taken over cells.
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def loss(outputs: tuple[Tensor, ...], targets: tuple[Tensor, ...]) -> Tensor:
    """Mean over positive patches plus mean over the same number of negative ones, those that are most taken for the
    part, which stand for the paper's mining of hard negatives: -log p(target), less its least possible value; a scalar.

    The first output is the log-odds (N, K, h, w) of each part, NaN where they were not computed. Targets (N, K, h, w)
    are 0 to 1, above 0 near a joint, below 0 where nothing is known.
    """
    (wanted,) = targets
    asked = torch.isfinite(outputs[0]) & (wanted >= 0)
    log_odds, wanted = outputs[0][asked], wanted[asked]
    errors = binary_cross_entropy_with_logits(log_odds, wanted, reduction="none") - _entropy(wanted)
    near = wanted > 0
    positive, negative = errors[near], errors[~near]
    hardest = negative.topk(min(len(negative), max(1, len(positive)))).values
    return _mean(positive) + _mean(hardest)


def _entropy(wanted: Tensor) -> Tensor:
    """What the likelihood of a target between 0 and 1 cannot fall below."""
    entropy: Tensor = torch.special.entr(wanted) + torch.special.entr(1 - wanted)
    return entropy


def _mean(errors: Tensor) -> Tensor:
    """The mean, 0 of none."""
    return errors.sum() / max(1, len(errors))
