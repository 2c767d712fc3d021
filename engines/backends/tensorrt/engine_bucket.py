"""One size of batch on the device: its memory, and its work as a graph."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.backends.protocol import output_shapes
from posestream.engines.backends.tensorrt.engine import Engine
from posestream.engines.cuda.cuda_graph import CudaGraph
from posestream.engines.cuda.device import Address, Device, Stream, freeing
from posestream.engines.cuda.frames import FrameKernels
from posestream.engines.spec import ModelSpec


class EngineBucket:
    """Images of `shape`, (N, ...), or crops that make such images, and what the network gives for them.

    What lies in rows that a call does not fill is of an earlier one: it is computed, and nobody takes it. All work goes
    to `stream`, in order.
    """

    def __init__(
        self,
        spec: ModelSpec,
        shape: tuple[int, ...],
        engine: Engine,
        kernels: FrameKernels | None,
        device: Device,
        stream: Stream,
        *,
        frames: bool,
    ) -> None:
        self._device, self._stream = device, stream
        self._held: list[Address] = []
        self._graphs: dict[str, CudaGraph] = {}
        with freeing(self.close):
            self._prepare(spec, shape, engine, kernels, frames=frames)

    def _prepare(
        self, spec: ModelSpec, shape: tuple[int, ...], engine: Engine, kernels: FrameKernels | None, *, frames: bool
    ) -> None:
        stream = self._stream
        halves = engine.input_dtype != spec.input.tensor.dtype
        self._given = self._room(shape, spec.input.tensor.dtype)
        self._images = self._room(shape, engine.input_dtype) if halves else self._given
        self._image_bytes = math.prod(shape[1:]) * np.dtype(spec.input.tensor.dtype).itemsize
        shapes = output_shapes(spec, shape)
        self._outputs = [self._room(each, output.dtype) for each, output in zip(shapes, spec.outputs, strict=True)]
        infer, capturable = engine.work(shape, self._images, self._outputs, stream)

        def from_images() -> None:
            if halves and kernels is not None:
                kernels.halve(self._given, self._images, math.prod(shape), stream)
            infer()

        self._graphs["images"] = self._graph(from_images, capturable)
        if frames and kernels is not None:
            self._crops = self._room((kernels.crop_bytes(shape[0]),), "uint8")
            joints = kernels.decoder.joints if kernels.decoder else 1
            self._keypoints = self._room((shape[0], joints, 3), "float32")

            def from_frames() -> None:
                kernels.cut(shape, self._crops, self._images, stream)
                infer()
                if kernels.decoder is not None:
                    kernels.decode(shape[0], self._crops, self._outputs, self._keypoints, stream)

            self._graphs["frames"] = self._graph(from_frames, capturable)

    @property
    def kind(self) -> str:
        """How its work is given to the device."""
        return self._graphs["images"].kind

    def put(self, at: int, images: NDArray[Any]) -> None:
        """Copies images in, from row `at` on."""
        self._stream.copy_in(self._given + at * self._image_bytes, images)

    def put_crops(self, rows: NDArray[Any]) -> None:
        """Copies the rows of crops in, one for each image."""
        self._stream.copy_in(self._crops, rows)

    def run(self) -> None:
        """Runs the network on the images."""
        self._graphs["images"]()

    def run_frames(self) -> None:
        """Cuts the crops, runs the network on them, and where it can finds the joints."""
        self._graphs["frames"]()

    def take(self, number: int, at: int, array: NDArray[Any], *, keypoints: bool = False) -> None:
        """Copies output `number`, or the keypoints, out, from row `at` on."""
        source = self._keypoints if keypoints else self._outputs[number]
        row_bytes = math.prod(array.shape[1:]) * array.dtype.itemsize
        self._stream.copy_out(array, source + at * row_bytes)

    def close(self) -> None:
        """Frees graphs and memory; the stream is done with them."""
        for graph in self._graphs.values():
            graph.close()
        self._graphs.clear()
        for address in self._held:
            self._device.free(address)
        self._held.clear()

    def _graph(self, work: Any, capturable: bool) -> CudaGraph:
        work()  # what a runtime sets up at a first run cannot be captured
        self._stream.wait()
        return CudaGraph(self._stream, work, capturable=capturable)

    def _room(self, shape: Sequence[int], dtype: str) -> Address:
        address = self._device.allocate(max(math.prod(shape) * np.dtype(dtype).itemsize, 1))
        self._held.append(address)
        return address
