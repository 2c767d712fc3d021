"""Loads the tensors of a checkpoint into a network, strictly: missing, surplus and misshapen ones are errors."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from posestream.engines.architectures.pose_network import Network
from posestream.engines.exceptions import WrongWeightsError
from posestream.engines.zoo.checkpoints.layout import CheckpointLayout

_NAMED = 3  # tensors named in a message
_COUNTERS = "num_batches_tracked"  # of batch normalisation: old checkpoints lack them, nothing depends on them


def load(network: Network, state: Mapping[str, Tensor], layouts: Sequence[CheckpointLayout], what: str) -> None:
    """Fills every parameter and buffer of `network` from `state`, named as in one of `layouts` or as our own.

    `what` names the model in messages. Raises WrongWeightsError where the best-fitting layout leaves tensors missing,
    surplus or of another shape; it names the first ones, and the network is unchanged.
    """
    wanted = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith(_COUNTERS)}
    given = {name: tensor for name, tensor in state.items() if not name.endswith(_COUNTERS)}
    candidates = [("posestream", given), *((layout.publisher, _mapped(given, layout)) for layout in layouts)]
    publisher, tensors = max(candidates, key=lambda candidate: len(wanted.keys() & candidate[1].keys()))
    problems = _problems(wanted, tensors)
    if problems:
        raise WrongWeightsError(
            f"{what}: this checkpoint, read as one of {publisher}, does not fit: {'; '.join(problems)}"
        )
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(tensors[name])


def _mapped(given: Mapping[str, Tensor], layout: CheckpointLayout) -> dict[str, Tensor]:
    """The tensors under our names; those that no rule matches keep theirs, and are reported as left over."""
    names = layout.renamed(given)
    mapped = {}
    for name, tensor in given.items():
        if layout.drops(name):
            continue
        if layout.changed is not None and name in names:
            tensor = torch.from_numpy(layout.changed(name, tensor.numpy(force=True)))  # noqa: PLW2901
        mapped[names.get(name, name)] = tensor
    return mapped


def _problems(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    missing = [name for name in wanted if name not in given]
    left_over = [name for name in given if name not in wanted]
    sizes = [
        f"{name} is {tuple(given[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in given and given[name].shape != tensor.shape
    ]
    found = (("missing", missing), ("left over", left_over), ("of another shape", sizes))
    return [f"{len(names)} {how} ({_some(names)})" for how, names in found if names]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
