"""Mean squared error of heat maps, at every supervised stage.

Newell et al. 2016, "Stacked Hourglass Networks", section 3.1 (every stack against the same maps); Sun et al. 2019,
"Deep High-Resolution Representation Learning for Human Pose Estimation", whose code has the factor one half and
excludes unlabelled joints, for which the Hourglass has maps of zeros.
"""

from torch import Tensor


def loss(outputs: tuple[Tensor, ...], targets: tuple[Tensor, ...]) -> Tensor:
    """0.5 * mean of the weighted squared errors of a stage, summed over stages; a scalar.

    Every output is the maps (N, K, h, w) of a stage; targets are maps (N, K, h, w) and weights of joints (N, K). A
    third target, maps of the person in the middle of the crop, is that of the last output: RMPE's parallel network,
    whose input is the crop centred by the transformer (Fang et al. 2017, section 3.1.2).
    """
    maps, weights, *centred = targets
    of_stages = [maps] * (len(outputs) - len(centred)) + centred
    pairs = zip(outputs, of_stages, strict=True)
    errors = [((output - target).square().mean(dim=(2, 3)) * weights).mean() for output, target in pairs]
    total: Tensor = 0.5 * sum(errors[1:], errors[0])
    return total
