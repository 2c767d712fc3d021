"""Frames on the device, and the kernels that make a network's images of them and keypoints of its outputs."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.engines.cuda.crops import CROP, input_row
from posestream.engines.cuda.device import Address, Device, Stream
from posestream.engines.cuda.keypoints import Decoder, decoder_of
from posestream.engines.cuda.nvrtc import KERNELS, check_driver, compile_kernels
from posestream.engines.spec import ModelSpec

_BLOCK = (32, 8, 1)  # threads that cut: a warp along x, whose neighbours read neighbouring pixels
_DECODING_THREADS = 128  # a map
_CASTING_THREADS = 256


@cache
def _cubin(sm: int) -> bytes:
    return compile_kernels(sm)


def kernels(device: Device) -> Mapping[str, Any]:
    """All kernels, compiled for the device. Raises ImportError where the compiler is not installed, KernelError."""
    cubin = _cubin(device.gpu.sm)
    check_driver(device.gpu.driver)
    return device.kernels(cubin, KERNELS)


class FrameMemory:
    """Device memory for the frames of one call: as much as the most and the largest that there ever were."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._held: list[tuple[Address, int]] = []

    def upload(self, stream: Stream, pictures: Sequence[NDArray[np.uint8]]) -> list[Address]:
        """Gives the copies of all pictures to `stream`, which is idle; returns where they will lie.

        Raises NoRoomError.
        """
        for i, picture in enumerate(pictures):
            if i == len(self._held):
                self._held.append(_NOTHING)
            if self._held[i][1] < picture.nbytes:
                self._free(i)  # before there is more: the device may not have room for both
                self._held[i] = (self._device.allocate(picture.nbytes), picture.nbytes)
            stream.copy_in(self._held[i][0], picture)
        return [address for address, _ in self._held[: len(pictures)]]

    def close(self) -> None:
        """Frees the memory."""
        for i in range(len(self._held)):
            self._free(i)
        self._held.clear()

    def _free(self, i: int) -> None:
        held, self._held[i] = self._held[i], _NOTHING
        if held != _NOTHING:
            self._device.free(held[0])


_NOTHING = (0, 0)


class FrameKernels:
    """What is done before and behind one network: its crops are cut, and where `decode`, its joints are found."""

    def __init__(self, spec: ModelSpec, dtype: str, device: Device, *, decode: bool) -> None:
        """`dtype` is that of the images which the engine takes."""
        self._kernels = kernels(device)
        self._device, self._stream = device, device.stream()
        self._crop = self._kernels[f"crop_{dtype}"]
        self._spec = spec
        self.decoder: Decoder | None = decoder_of(spec) if decode else None
        self._options = 0
        if self.decoder is not None:
            self._options = self._constant(self.decoder.options)
        self._inputs: dict[tuple[int, int], Address] = {}

    def cut(self, images_shape: tuple[int, ...], crops: Address, images: Address, stream: Stream) -> None:
        """Fills `images` from the rows at `crops`, one an image."""
        height, width = self._spec.input.image_hw(images_shape)
        grid = (-(-width // _BLOCK[0]), -(-height // _BLOCK[1]), images_shape[0])
        stream.launch(self._crop, grid, _BLOCK, (crops, self._input_of((height, width)), images))

    def decode(
        self, count: int, crops: Address, outputs: Sequence[Address], keypoints: Address, stream: Stream
    ) -> None:
        """Finds the joints of `count` images; there is a decoder."""
        assert self.decoder is not None, f"{self._spec.name} is not decoded on the device"
        grid = (self.decoder.joints, count, 1)
        arguments = (*(outputs[i] for i in self.decoder.outputs), crops, self._options, keypoints)
        stream.launch(self._kernels[self.decoder.kernel], grid, (_DECODING_THREADS, 1, 1), arguments)

    def halve(self, values: Address, halves: Address, count: int, stream: Stream) -> None:
        """Makes half-precision numbers of `count` float32 ones."""
        grid = (-(-count // _CASTING_THREADS), 1, 1)
        stream.launch(self._kernels["to_float16"], grid, (_CASTING_THREADS, 1, 1), (values, halves, count))

    def _input_of(self, size_hw: tuple[int, int]) -> Address:
        """Where the constants of images of that size lie; made in the first run, before a graph is captured."""
        if size_hw not in self._inputs:
            self._inputs[size_hw] = self._constant(input_row(self._spec.input, size_hw))
        return self._inputs[size_hw]

    def crop_bytes(self, count: int) -> int:
        """Of the rows of so many crops."""
        return count * CROP.itemsize

    def close(self) -> None:
        """Frees the constants."""
        for address in (*self._inputs.values(), *([self._options] if self._options else [])):
            self._device.free(address)
        self._inputs.clear()
        self._options = 0

    def _constant(self, row: NDArray[Any]) -> Address:
        address = self._device.allocate(row.nbytes)
        self._stream.copy_in(address, row)
        self._stream.wait()
        return address
