"""The base class of the networks: images in, outputs of every supervised stage out."""

import torch
from torch import Tensor, nn

from posestream.engines.architectures import ArchitectureError


class Network(nn.Module):
    """A network of the literature.

    A subclass sets the class attributes, and implements `compute` and, if only some of its outputs are decoded,
    `decoded`. Images are float32 (N, channels, H, W), normalised as in the InputSpec of its ModelSpec.
    """

    multiple_px = 1
    """Height and width of the images must be multiples of it, ..."""
    min_px = 1
    """... and at least this."""
    channels = 3

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        """All supervised outputs, stage by stage."""
        raise NotImplementedError

    def decoded(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The outputs that the codec decodes, the `outputs` of the ModelSpec."""
        return outputs

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """All supervised outputs. Raises ArchitectureError where the network does not support the images' shape."""
        if not torch.compiler.is_exporting():
            self._check(images)
        return self.compute(images)

    def _check(self, images: Tensor) -> None:
        what = f"{type(self).__name__}: images of shape {tuple(images.shape)}"
        if images.ndim != 4 or images.shape[1] != self.channels:
            raise ArchitectureError(f"{what}: expected (batch, {self.channels}, height, width)")
        if images.shape[0] == 0:
            raise ArchitectureError(f"{what}: the batch is empty")
        for side in images.shape[2:]:
            if side < self.min_px or side % self.multiple_px:
                wanted = f"at least {self.min_px} px" + (
                    f" and multiples of {self.multiple_px} px" if self.multiple_px > 1 else ""
                )
                raise ArchitectureError(f"{what}: height and width must be {wanted}")


class Deployed(nn.Module):
    """A network for inference, with the decoded outputs only."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The tensors of `ModelSpec.outputs`, in their order."""
        return self.network.decoded(self.network(images))
