"""A batch of fixed shape in torch: its memory, and its work as a CUDA graph where there is a GPU."""

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
    """Images of `shape`, (N, ...), and the network's outputs for them.

    Rows that a call does not fill keep the data of an earlier call: they are computed, and read by nobody. On a GPU all
    work is enqueued on `stream`, torch's current one, in order; on the CPU `stream` is None.
    """

    def __init__(
        self,
        spec: ModelSpec,
        shape: tuple[int, ...],
        network: TorchNetwork,
        device: torch.device,
        stream: "torch.cuda.Stream | None",
    ) -> None:
        """Runs the network once."""
        self._spec, self._dtype = spec, network.input_dtype
        self._images = torch.zeros(shape, dtype=getattr(torch, spec.input.tensor.dtype), device=device)
        self._program = network.program(self._network_input(), [output.name for output in spec.outputs])
        self._graph = self._captured(stream) if stream is not None else None
        if self._graph is None:
            self._outputs = self._work()

    @property
    def kind(self) -> str:
        """For people: "CUDA graph", or "no graph" where the work could not be captured."""
        return "no graph" if self._graph is None else "CUDA graph"

    def put(self, at: int, images: NDArray[Any]) -> None:
        """Copies images into the rows from `at` on."""
        self._images[at : at + len(images)].copy_(_shared(images), non_blocking=True)

    def run(self) -> None:
        """Runs the network on all rows."""
        if self._graph is None:
            self._outputs = self._work()
        else:
            self._graph.replay()

    def take(self, number: int, at: int, array: NDArray[Any]) -> None:
        """Copies the rows of output `number` from `at` on into `array`."""
        _shared(array).copy_(self._outputs[number][at : at + len(array)], non_blocking=True)

    def _network_input(self) -> Tensor:
        """The images in the network's dtype, which may be float16; NCHW ones in channels-last memory."""
        layout = torch.channels_last if self._spec.input.layout == "nchw" else torch.contiguous_format
        return self._images.to(self._dtype, memory_format=layout)

    def _work(self) -> list[Tensor]:
        outputs = self._program(self._network_input())
        dtypes = [getattr(torch, output.dtype) for output in self._spec.outputs]
        return [output.to(dtype).contiguous() for output, dtype in zip(outputs, dtypes, strict=True)]

    def _captured(self, stream: "torch.cuda.Stream") -> "torch.cuda.CUDAGraph | None":
        """The work as a graph; None, with a warning in the log, where some of it cannot be captured."""
        # On a stream of its own: graphs captured on one stream share cuBLAS workspaces, which the first one frees.
        own = torch.cuda.Stream(stream.device)  # type: ignore[no-untyped-call]
        stream.synchronize()
        with torch.cuda.stream(own):
            self._work()  # the setup of a library's first run cannot be captured
        own.synchronize()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=own, capture_error_mode="thread_local"):
                self._outputs = self._work()
        except RuntimeError as error:
            own.synchronize()
            log.warning("%s runs without a CUDA graph: %s", self._spec.name, str(error).split("\n")[0])
            return None
        self._own = own  # lives as long as the graph
        return graph


def _shared(array: NDArray[Any]) -> Tensor:
    """A tensor on the array's memory; a copy where that is read-only, which torch does not support."""
    return torch.from_numpy(array if array.flags.writeable else np.copy(array))
