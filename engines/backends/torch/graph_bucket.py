"""One size of batch in torch: its memory, and its work as a CUDA graph where there is a GPU."""

import logging
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posestream.engines.backends.torch.program import TorchNetwork
from posestream.engines.spec import ModelSpec

log = logging.getLogger(__name__)


class GraphBucket:
    """Images of `shape`, (N, ...), and what the network gives for them.

    What lies in rows that a call does not fill is of an earlier one: it is computed, and nobody takes it. On a GPU all
    work goes to `stream`, which is torch's current one, in order; on the CPU there is none.
    """

    def __init__(
        self,
        spec: ModelSpec,
        shape: tuple[int, ...],
        network: TorchNetwork,
        device: torch.device,
        stream: "torch.cuda.Stream | None",
    ) -> None:
        self._spec, self._dtype = spec, network.input_dtype
        self._images = torch.zeros(shape, dtype=getattr(torch, spec.input.tensor.dtype), device=device)
        self._program = network.program(self._laid_out(), [output.name for output in spec.outputs])
        self._graph = self._captured(stream) if stream is not None else None
        if self._graph is None:
            self._outputs = self._work()

    @property
    def kind(self) -> str:
        """How its work is given to the device."""
        return "no graph" if self._graph is None else "CUDA graph"

    def put(self, at: int, images: NDArray[Any]) -> None:
        """Copies images in, from row `at` on."""
        self._images[at : at + len(images)].copy_(_shared(images), non_blocking=True)

    def run(self) -> None:
        """Runs the network on the images."""
        if self._graph is None:
            self._outputs = self._work()
        else:
            self._graph.replay()

    def take(self, number: int, at: int, array: NDArray[Any]) -> None:
        """Copies output `number` out, from row `at` on."""
        _shared(array).copy_(self._outputs[number][at : at + len(array)], non_blocking=True)

    def _laid_out(self) -> Tensor:
        """The images as the network takes them: perhaps halves, in memory with their channels last."""
        layout = torch.channels_last if self._spec.input.layout == "nchw" else torch.contiguous_format
        return self._images.to(self._dtype, memory_format=layout)

    def _work(self) -> list[Tensor]:
        found = self._program(self._laid_out())
        dtypes = [getattr(torch, output.dtype) for output in self._spec.outputs]
        return [each.to(dtype).contiguous() for each, dtype in zip(found, dtypes, strict=True)]

    def _captured(self, stream: "torch.cuda.Stream") -> "torch.cuda.CUDAGraph | None":
        """The work as a graph; None where something in it cannot be captured, which is said."""
        # A stream of its own: graphs that were captured on one share workspaces of cuBLAS, which go with the first.
        own = torch.cuda.Stream(stream.device)  # type: ignore[no-untyped-call]
        stream.synchronize()
        with torch.cuda.stream(own):
            self._work()  # what libraries set up at a first run cannot be captured
        own.synchronize()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=own, capture_error_mode="thread_local"):
                self._outputs = self._work()
        except RuntimeError as error:
            own.synchronize()
            log.warning("%s runs without a CUDA graph: %s", self._spec.name, str(error).split("\n")[0])
            return None
        self._own = own  # as long as the graph
        return graph


def _shared(array: NDArray[Any]) -> Tensor:
    """The array's own memory as a tensor; a copy where it may only be read, which tensors do not know."""
    return torch.from_numpy(array if array.flags.writeable else np.copy(array))
