"""Classification of patches, with a part in their middle or without: Jain et al. 2014, "Learning Human Pose Estimation
Features with Convolutional Networks", section 3.

The response maps of an image are the classifications of all of its patches, so the loss is a mean over cells.
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def loss(outputs: tuple[Tensor, ...], targets: tuple[Tensor, ...]) -> Tensor:
    """The mean of -log p(target), less its minimum, over positive patches, plus that over as many hard negatives, those
    with the largest error, in place of the paper's mining; a scalar.

    The first output is the log odds (N, K, h, w) of each part, NaN if they were not computed. Targets (N, K, h, w) are
    0 to 1, positive near a joint, and -1 if unknown.
    """
    (maps,) = targets
    known = torch.isfinite(outputs[0]) & (maps >= 0)
    log_odds, target = outputs[0][known], maps[known]
    errors = binary_cross_entropy_with_logits(log_odds, target, reduction="none") - _entropy(target)
    near = target > 0
    positive, negative = errors[near], errors[~near]
    hardest = negative.topk(min(len(negative), max(1, len(positive)))).values
    return _mean(positive) + _mean(hardest)


def _entropy(target: Tensor) -> Tensor:
    """The minimum of the cross entropy for targets between 0 and 1."""
    entropy: Tensor = torch.special.entr(target) + torch.special.entr(1 - target)
    return entropy


def _mean(errors: Tensor) -> Tensor:
    """The mean, 0 of no errors."""
    return errors.sum() / max(1, len(errors))
