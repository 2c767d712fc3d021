"""Records the outputs of a reference network: run from the repository's root, with a checkout of the reference.

PYTHONPATH=. python -m tests.engines.architectures.parity.record_NAME CHECKOUT
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.engines.architectures.parity.drawn import drawn, images
from tests.engines.architectures.parity.fixture import write


def checkout(repository: str) -> tuple[Path, str]:
    """The checkout's path, from the command line, and `repository` with the commit of the checkout."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python -m {__package__}.{Path(sys.argv[0]).stem} CHECKOUT: a clone of {repository}")
    path = Path(sys.argv[1]).resolve()
    commit = subprocess.run(["git", "-C", path, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    sys.path.insert(0, str(path))
    return path, f"{repository}, commit {commit.stdout.strip()}"


def record(name: str, reference: str, network: nn.Module, images_shape: Sequence[int]) -> None:
    """Fills `network` with drawn weights and writes its outputs for drawn images as the fixture `name`."""
    state = {tensor: value for tensor, value in network.state_dict().items() if not tensor.endswith("tracked")}
    shapes = {tensor: tuple(value.shape) for tensor, value in state.items()}
    torch.set_num_threads(1)
    with torch.no_grad():
        for tensor, value in state.items():
            value.copy_(torch.from_numpy(drawn(tensor, shapes[tensor])))
        outputs: Sequence[Tensor] = network.eval()(torch.from_numpy(images(tuple(images_shape))))
    write(name, reference, shapes, images_shape, [output.numpy() for output in outputs])
