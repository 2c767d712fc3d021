"""What all networks of the literature have in common: images in, maps of every supervised stage out."""

import torch
from torch import Tensor, nn

from posestream.engines.architectures import ArchitectureError


class Network(nn.Module):
    """A network of the literature.

    A subclass sets the class attributes, and implements `compute` and, where not all of its outputs are decoded,
    `decoded`. Images are float32 (N, channels, H, W), normalised as the InputSpec of its ModelSpec says.
    """

    multiple_px = 1
    """Height and width of the images must be multiples of it ..."""
    least_px = 1
    """... and no less than this."""
    channels = 3

    def compute(self, images: Tensor) -> tuple[Tensor, ...]:
        """All outputs that the loss supervises: stage by stage, the last stage last."""
        raise NotImplementedError

    def decoded(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Of all outputs those that the codec decodes, as the `outputs` of the ModelSpec name them."""
        return outputs

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """All supervised outputs. Raises ArchitectureError for images that the network cannot take."""
        if not torch.compiler.is_exporting():
            self._check(images)
        return self.compute(images)

    def _check(self, images: Tensor) -> None:
        what = f"{type(self).__name__}: images of shape {tuple(images.shape)}"
        if images.ndim != 4 or images.shape[1] != self.channels:
            raise ArchitectureError(f"{what}: expected (batch, {self.channels}, height, width)")
        if images.shape[0] == 0:
            raise ArchitectureError(f"{what}: an empty batch: give one image or more")
        for side in images.shape[2:]:
            if side < self.least_px or side % self.multiple_px:
                wanted = f"at least {self.least_px} px" + (
                    f" and multiples of {self.multiple_px} px" if self.multiple_px > 1 else ""
                )
                raise ArchitectureError(f"{what}: height and width must be {wanted}")


class Deployed(nn.Module):
    """A network as it runs live: only the outputs that are decoded."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The tensors of `ModelSpec.outputs`, in their order."""
        return self.network.decoded(self.network(images))
