"""Part affinity fields: Cao et al. 2017, eq. 5, as in Osokin's lightweight OpenPose."""

from torch import Tensor


def loss(outputs: tuple[Tensor, ...], targets: tuple[Tensor, ...]) -> Tensor:
    """Half the squared error, summed over stages, maps and cells; the mean over images, a scalar.

    `outputs` are heat maps (N, 19, h, w) and fields (N, 38, h, w) of each stage in turn; `targets` one of each.
    """
    total = outputs[0].new_zeros(())
    for i, output in enumerate(outputs):
        total = total + (output - targets[i % 2]).square().sum() / (2 * len(output))
    return total
