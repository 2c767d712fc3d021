"""Frames in device memory, and the kernels before and after a network: crops from frames, keypoints from outputs."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.cuda.crops import CROP, input_row
from posestream.engines.cuda.device import Address, Device, Stream
from posestream.engines.cuda.keypoints import KeypointDecoder, decoder_of
from posestream.engines.cuda.nvrtc import KERNELS, check_driver, compile_kernels
from posestream.engines.spec import ModelSpec

_CROP_BLOCK = (32, 8, 1)  # threads: a warp along x, so that neighbours read neighbouring pixels
_DECODE_THREADS = 128  # per map; THREADS of peaks.cuh
_CAST_THREADS = 256


@cache
def _cubin(sm: int) -> bytes:
    return compile_kernels(sm)


def kernels(device: Device) -> Mapping[str, Any]:
    """All kernels, compiled for the device. Raises ImportError where NVRTC is not installed, KernelError."""
    cubin = _cubin(device.gpu.sm)
    check_driver(device.gpu.driver)
    return device.kernels(cubin, KERNELS)


class FrameMemory:
    """Device memory for the frames of one call, which grows to the most and the largest frames of any call."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._buffers: list[tuple[Address, int]] = []

    def upload(self, stream: Stream, pictures: Sequence[NDArray[np.uint8]]) -> list[Address]:
        """Enqueues the copies of all pictures on `stream`, which is idle; returns the frames' addresses.

        Raises NoRoomError where the device is out of memory.
        """
        for i, picture in enumerate(pictures):
            if i == len(self._buffers):
                self._buffers.append(_NO_BUFFER)
            if self._buffers[i][1] < picture.nbytes:
                self._free(i)  # before the larger one is allocated: the device may not hold both
                self._buffers[i] = (self._device.allocate(picture.nbytes), picture.nbytes)
            stream.copy_in(self._buffers[i][0], picture)
        return [address for address, _ in self._buffers[: len(pictures)]]

    def close(self) -> None:
        """Frees the memory."""
        for i in range(len(self._buffers)):
            self._free(i)
        self._buffers.clear()

    def _free(self, i: int) -> None:
        buffer, self._buffers[i] = self._buffers[i], _NO_BUFFER
        if buffer != _NO_BUFFER:
            self._device.free(buffer[0])


_NO_BUFFER = (0, 0)


class FrameKernels:
    """The kernels around one network; with `decode` also the one that decodes its keypoints, if there is one."""

    def __init__(self, spec: ModelSpec, dtype: str, device: Device, *, decode: bool) -> None:
        """`dtype` is that of the engine's input.

        Raises ImportError where NVRTC is not installed, KernelError, NoRoomError.
        """
        self._kernels = kernels(device)
        self._device, self._stream = device, device.stream()
        self._crop = self._kernels[f"crop_{dtype}"]
        self._spec = spec
        self.decoder: KeypointDecoder | None = decoder_of(spec) if decode else None
        self._options = 0
        if self.decoder is not None:
            self._options = self._constant(self.decoder.options)
        self._inputs: dict[tuple[int, int], Address] = {}

    def crop(self, images_shape: tuple[int, ...], crops: Address, images: Address, stream: Stream) -> None:
        """Fills `images` by the crop rows at `crops`, one per image."""
        height, width = self._spec.input.image_hw(images_shape)
        grid = (-(-width // _CROP_BLOCK[0]), -(-height // _CROP_BLOCK[1]), images_shape[0])
        stream.launch(self._crop, grid, _CROP_BLOCK, (crops, self._input_of((height, width)), images))

    def decode(
        self, count: int, crops: Address, outputs: Sequence[Address], keypoints: Address, stream: Stream
    ) -> None:
        """Decodes the keypoints of `count` images; `decoder` is not None."""
        assert self.decoder is not None, f"{self._spec.name} is not decoded on the device"
        grid = (self.decoder.joints, count, 1)
        arguments = (*(outputs[i] for i in self.decoder.outputs), crops, self._options, keypoints)
        stream.launch(self._kernels[self.decoder.kernel], grid, (_DECODE_THREADS, 1, 1), arguments)

    def to_fp16(self, values: Address, fp16: Address, count: int, stream: Stream) -> None:
        """Rounds `count` float32 values to float16."""
        grid = (-(-count // _CAST_THREADS), 1, 1)
        stream.launch(self._kernels["to_float16"], grid, (_CAST_THREADS, 1, 1), (values, fp16, count))

    def crop_bytes(self, count: int) -> int:
        """The size of `count` crop rows."""
        return count * CROP.itemsize

    def close(self) -> None:
        """Frees the constants."""
        for address in (*self._inputs.values(), *([self._options] if self._options else [])):
            self._device.free(address)
        self._inputs.clear()
        self._options = 0

    def _input_of(self, size_hw: tuple[int, int]) -> Address:
        """The address of the constants for images of that size; made in the first run, before a graph is captured."""
        if size_hw not in self._inputs:
            self._inputs[size_hw] = self._constant(input_row(self._spec.input, size_hw))
        return self._inputs[size_hw]

    def _constant(self, row: NDArray[Any]) -> Address:
        address = self._device.allocate(row.nbytes)
        self._stream.copy_in(address, row)
        self._stream.wait()
        return address
