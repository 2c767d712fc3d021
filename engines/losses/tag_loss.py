"""Associative embedding: Newell et al. 2017, section 3.2; weights as in Cheng et al. 2020, "HigherHRNet"."""

import torch
from torch import Tensor

_TAG_WEIGHT = 1e-3  # of both terms of the tags


def loss(outputs: tuple[Tensor, ...], targets: tuple[Tensor, ...]) -> Tensor:
    """Mean squared errors of both maps, and the pull and push terms of the tags; a scalar.

    Outputs are (N, 2K, h, w), K maps and K tags, and (N, K, 2h, 2w); targets the two maps and the cells (N, P, K) of
    each person's joints in a flattened coarse map, -1 for none.
    """
    coarse, fine = outputs
    coarse_maps, fine_maps, cells = targets
    joints = fine.shape[1]
    errors = (coarse[:, :joints] - coarse_maps).square().mean() + (fine - fine_maps).square().mean()
    tags = coarse[:, joints:].flatten(2)  # (N, K, h * w)
    of_images = [pull_and_push(tags[i], cells[i].long()) for i in range(len(tags))]
    total: Tensor = errors + _TAG_WEIGHT * torch.stack(of_images).mean()
    return total


def pull_and_push(tags: Tensor, cells: Tensor) -> Tensor:
    """The two terms of one image's tags (K, h * w) at the cells (P, K) of its people.

    Pull is the mean squared distance of tags from their person's mean; push half the mean of exp(-d^2) over pairs of
    people, d the distance of their means.
    """
    labelled = cells >= 0
    with_joints = labelled.any(dim=1)
    if not with_joints.any():
        return tags.sum() * 0
    labelled, cells = labelled[with_joints], cells[with_joints].clamp(min=0)
    of_joints = tags.gather(1, cells.T).T  # (P, K)
    counts = labelled.sum(dim=1)
    means = (of_joints * labelled).sum(dim=1) / counts
    pull = (((of_joints - means[:, None]).square() * labelled).sum(dim=1) / counts).mean()
    people = len(means)
    if people == 1:
        return pull
    similarity = torch.exp(-(means[:, None] - means).square()).sum() - people
    push: Tensor = 0.5 * similarity / (people * (people - 1))
    return pull + push
