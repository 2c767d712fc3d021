"""DeeperCut's loss: Insafutdinov et al. 2016, sections 3.2 and 4.2; the weights are those of the authors' code.

Cross entropy of the part scores, and 0.05 times the Huber loss of location refinement and of the pairwise offsets.
"""

from torch import Tensor
from torch.nn import functional

_REGRESSION = 0.05
_HUBER = 1.0


def loss(outputs: tuple[Tensor, ...], targets: tuple[Tensor, ...]) -> Tensor:
    """The scalar loss of a batch: each of its terms is a mean over the values with weight 1.

    `outputs` are logits of scores (N, K, h, w), refinement (N, 2K, h, w) and, for the multi-person network, pairwise
    offsets (N, 2K(K-1), h, w). `targets` are the targets of each followed by weights 0 or 1 of the same shape, those of
    `encode` in `engines.codecs.multicut` and `engines.codecs.part_scores`.
    """
    scores, score_weights = targets[:2]
    entropy = functional.binary_cross_entropy_with_logits(outputs[0], scores, reduction="none")
    total = _mean(entropy, score_weights)
    for output, target, weights in zip(outputs[1:], targets[2::2], targets[3::2], strict=True):
        huber = functional.huber_loss(output, target, reduction="none", delta=_HUBER)
        total = total + _REGRESSION * _mean(huber, weights)
    return total


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp(min=1)
