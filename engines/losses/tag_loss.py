"""Associative embedding: Newell et al. 2017, section 3.2; weights as in Cheng et al. 2020, "HigherHRNet"."""

import torch
from torch import Tensor

_WEIGHT = 1e-3  # of both losses of the tags


def loss(outputs: tuple[Tensor, ...], targets: tuple[Tensor, ...]) -> Tensor:
    """Mean squared errors of both maps, and of tags: how far from a person's mean, how near to that of others.

    Outputs are (N, 2K, h, w), K maps and K tags, and (N, K, 2h, 2w); targets the two maps and the cells (N, P, K) of
    each person's joints in a flattened coarse map, -1 where there is none.
    """
    coarse, fine = outputs
    coarse_maps, fine_maps, cells = targets
    joints = fine.shape[1]
    errors = (coarse[:, :joints] - coarse_maps).square().mean() + (fine - fine_maps).square().mean()
    tags = coarse[:, joints:].flatten(2)  # (N, K, h * w)
    of_images = [pull_and_push(tags[i], cells[i].long()) for i in range(len(tags))]
    total: Tensor = errors + _WEIGHT * torch.stack(of_images).mean()
    return total


def pull_and_push(tags: Tensor, cells: Tensor) -> Tensor:
    """Of one image with tags (K, h * w) and cells (P, K): the mean squared distance of tags from their person's mean,
    and half the mean of exp(-d^2) over pairs of people, d the distance of their means.
    """
    there = cells >= 0
    with_joints = there.any(dim=1)
    if not with_joints.any():
        return tags.sum() * 0
    there, cells = there[with_joints], cells[with_joints].clamp(min=0)
    of_joints = tags.gather(1, cells.T).T  # (P, K)
    counts = there.sum(dim=1)
    means = (of_joints * there).sum(dim=1) / counts
    pull = (((of_joints - means[:, None]).square() * there).sum(dim=1) / counts).mean()
    people = len(means)
    if people == 1:
        return pull
    similarity = torch.exp(-(means[:, None] - means).square()).sum() - people
    push: Tensor = 0.5 * similarity / (people * (people - 1))
    return pull + push
