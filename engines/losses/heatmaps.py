"""Mean squared error of heat maps, at every supervised stage.

Newell et al. 2016, "Stacked Hourglass Networks", section 3.1 (every stack against the same maps); Sun et al. 2019,
"Deep High-Resolution Representation Learning for Human Pose Estimation", whose code has the factor one half and leaves
out joints that are not labelled, where the Hourglass takes a map of zeros for them.
"""

from torch import Tensor


def loss(outputs: tuple[Tensor, ...], targets: tuple[Tensor, ...]) -> Tensor:
    """0.5 * mean of the weighted squared errors of a stage, summed over stages; a scalar.

    Every output is the maps (N, K, h, w) of a stage; targets are maps (N, K, h, w) and weights of joints (N, K). Where
    there is a third target, maps again, the last output is held against that: RMPE's parallel network, which sees the
    crop that the transformer has centred, against the person in the middle (Fang et al. 2017, section 3.1.2).
    """
    maps, weights, *centred = targets
    wanted = [maps] * (len(outputs) - len(centred)) + centred
    pairs = zip(outputs, wanted, strict=True)
    errors = [((stage - right).square().mean(dim=(2, 3)) * weights).mean() for stage, right in pairs]
    total: Tensor = 0.5 * sum(errors[1:], errors[0])
    return total
