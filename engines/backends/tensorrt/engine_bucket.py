"""A batch of fixed shape on the device: its memory, and its work as CUDA graphs."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.backends.protocol import output_shapes
from posestream.engines.backends.tensorrt.engine import Engine
from posestream.engines.cuda.cuda_graph import CudaGraph, Work
from posestream.engines.cuda.device import Address, Device, Stream, closing_on_error
from posestream.engines.cuda.frames import FrameKernels
from posestream.engines.spec import ModelSpec


class EngineBucket:
    """Images of `shape`, (N, ...), from the host or cut from frames on the device, and the network's outputs for them.

    Two graphs share the memory:

        "images"  host images ─▶ to fp16, if the engine takes that ─▶ engine ─▶ outputs
        "frames"  crop rows ─▶ crop kernel ─▶ engine ─▶ outputs ─▶ decoding kernel, if there is one ─▶ keypoints

    Rows that a call does not fill keep the data of an earlier call: they are computed, and read by nobody. All work is
    enqueued on `stream`, in order.
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
        """Runs the work once. Raises TensorRTError, NoRoomError or DeviceLostError where that fails."""
        self._device, self._stream = device, stream
        self._allocated: list[Address] = []
        self._graphs: dict[str, CudaGraph] = {}
        with closing_on_error(self.close):
            self._prepare(spec, shape, engine, kernels, frames=frames)

    def _prepare(
        self, spec: ModelSpec, shape: tuple[int, ...], engine: Engine, kernels: FrameKernels | None, *, frames: bool
    ) -> None:
        stream = self._stream
        fp16 = engine.input_dtype != spec.input.tensor.dtype
        self._host_images = self._allocate(shape, spec.input.tensor.dtype)
        self._images = self._allocate(shape, engine.input_dtype) if fp16 else self._host_images
        self._image_bytes = math.prod(shape[1:]) * np.dtype(spec.input.tensor.dtype).itemsize
        shapes = output_shapes(spec, shape)
        self._outputs = [self._allocate(each, output.dtype) for each, output in zip(shapes, spec.outputs, strict=True)]
        infer, capturable = engine.bind(shape, self._images, self._outputs, stream)

        def from_images() -> None:
            if fp16 and kernels is not None:
                kernels.to_fp16(self._host_images, self._images, math.prod(shape), stream)
            infer()

        self._graphs["images"] = self._graph(from_images, capturable)
        if frames and kernels is not None:
            self._crops = self._allocate((kernels.crop_bytes(shape[0]),), "uint8")
            joints = kernels.decoder.joints if kernels.decoder else 1
            self._keypoints = self._allocate((shape[0], joints, 3), "float32")

            def from_frames() -> None:
                kernels.crop(shape, self._crops, self._images, stream)
                infer()
                if kernels.decoder is not None:
                    kernels.decode(shape[0], self._crops, self._outputs, self._keypoints, stream)

            self._graphs["frames"] = self._graph(from_frames, capturable)

    @property
    def kind(self) -> str:
        """For people: "CUDA graph", or "no graph" where the work could not be captured."""
        return self._graphs["images"].kind

    def put(self, at: int, images: NDArray[Any]) -> None:
        """Copies images into the rows from `at` on."""
        self._stream.copy_in(self._host_images + at * self._image_bytes, images)

    def put_crops(self, rows: NDArray[Any]) -> None:
        """Copies N rows of `engines.cuda.crops.CROP` in, one per image."""
        self._stream.copy_in(self._crops, rows)

    def run(self) -> None:
        """Runs the network on all rows."""
        self._graphs["images"]()

    def run_frames(self) -> None:
        """Cuts the crops, runs the network on them, and decodes keypoints where there is a kernel for that."""
        self._graphs["frames"]()

    def take(self, number: int, at: int, array: NDArray[Any], *, keypoints: bool = False) -> None:
        """Copies the rows of output `number`, or of the keypoints, from `at` on into `array`."""
        source = self._keypoints if keypoints else self._outputs[number]
        row_bytes = math.prod(array.shape[1:]) * array.dtype.itemsize
        self._stream.copy_out(array, source + at * row_bytes)

    def close(self) -> None:
        """Frees graphs and memory; the stream has finished with them."""
        for graph in self._graphs.values():
            graph.close()
        self._graphs.clear()
        for address in self._allocated:
            self._device.free(address)
        self._allocated.clear()

    def _graph(self, work: Work, capturable: bool) -> CudaGraph:
        work()  # the setup of a runtime's first run cannot be captured
        self._stream.wait()
        return CudaGraph(self._stream, work, capturable=capturable)

    def _allocate(self, shape: Sequence[int], dtype: str) -> Address:
        address = self._device.allocate(max(math.prod(shape) * np.dtype(dtype).itemsize, 1))
        self._allocated.append(address)
        return address
