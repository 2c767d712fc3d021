"""A ring of slots in shared memory, with one writer and any number of readers.

Memory layout, all integers little-endian u64 but for text:

    page 0          magic "PSRING01" | version | epoch | slots | slot_bytes | stride | slots_offset | width | height
                    | pixel format (16 bytes of text)
    page 1 ..       one row of 64 bytes a slot: generation | seq | six spare
    slots_offset    slot 0, padded to whole pages (stride), slot 1, ...

A slot's generation is even while its content is whole and odd while it is being written (a seqlock); it only grows,
also across a restart of the writer. A reader that received `(slot, generation)` may use the slot's bytes if the
generation is still the same *after* the use: `intact`.

Inside the pipeline a slot is leased, and not written before its lease ends. There the order of memory accesses relies
on the hand-off through a socket, whose system calls order everything before `send` against everything after `recv`, on
ARM64 as on x86-64. Readers outside hold no lease: they copy, and check before and after. For them `_fence` orders the
generation against the pixels, which x86-64 does by itself and ARM64 does not.

The supervisor alone creates and unlinks the file, with all its pages reserved.
"""

import contextlib
import mmap
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from posestream.engines.plan import PixelFormat
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.shared_memory import allocate

MAGIC = b"PSRING01"
VERSION = 1
PAGE_BYTES = 4096
ROW_BYTES = 64
_HEADER = np.dtype(
    [
        ("magic", "S8"),
        ("version", "<u8"),
        ("epoch", "<u8"),
        ("slots", "<u8"),
        ("slot_bytes", "<u8"),
        ("stride", "<u8"),
        ("slots_offset", "<u8"),
        ("width", "<u8"),
        ("height", "<u8"),
        ("pixel_format", "S16"),
    ]
)
_ROW = np.dtype({"names": ["generation", "seq"], "formats": ["<u8", "<u8"], "offsets": [0, 8], "itemsize": ROW_BYTES})


class RingError(RuntimeError):
    """The file is not a ring of this version, its size and header differ, or the ring holds tensors."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes of a ring that holds frames of one `geometry`, or without one tensors of up to `slot_bytes`."""

    slots: int
    slot_bytes: int
    epoch: int = 0
    geometry: Geometry | None = None

    @property
    def stride(self) -> int:
        """Bytes from one slot to the next: whole pages, so that each slot can be page-locked for a device."""
        return _whole_pages(self.slot_bytes)

    @property
    def slots_offset(self) -> int:
        """Offset of slot 0 in the file, bytes."""
        return PAGE_BYTES + _whole_pages(self.slots * ROW_BYTES)

    @property
    def file_bytes(self) -> int:
        """Size of the whole file."""
        return self.slots_offset + self.slots * self.stride


def _whole_pages(size: int) -> int:
    return -(-size // PAGE_BYTES) * PAGE_BYTES


_lock = threading.Lock()


def _fence() -> None:
    """A full memory barrier: earlier accesses are visible before later ones.

    Acquiring a lock keeps later accesses behind it, releasing it keeps earlier ones before it. Two rounds are needed to
    separate both sides.
    """
    with _lock:
        pass
    with _lock:
        pass


class Ring:
    """One mapped ring. Arrays that it returns are views into shared memory, and keep it mapped after `close`."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        """Maps an existing ring.

        Raises FileNotFoundError where there is no such file, RingError where it is not a whole ring of this version.
        """
        self.path = path
        descriptor = os.open(path, os.O_RDWR if writable else os.O_RDONLY)
        try:
            size = os.fstat(descriptor).st_size
            if size < 2 * PAGE_BYTES:
                raise RingError(f"{path}: {size} bytes are no ring")
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            self._map = mmap.mmap(descriptor, size, access=access)
        finally:
            os.close(descriptor)
        header = np.frombuffer(self._map, _HEADER, 1)[0]
        if header["magic"] != MAGIC or header["version"] != VERSION:
            raise RingError(f"{path}: not a ring of version {VERSION}")
        self.layout = Layout(
            slots=int(header["slots"]),
            slot_bytes=int(header["slot_bytes"]),
            epoch=int(header["epoch"]),
            geometry=_geometry(header, path),
        )
        if self.layout.file_bytes != size:
            raise RingError(f"{path}: {size} bytes, but its header says {self.layout.file_bytes}")
        rows = np.frombuffer(self._map, _ROW, self.layout.slots, PAGE_BYTES)
        self._generations: NDArray[np.uint64] = rows["generation"]
        self._seqs: NDArray[np.uint64] = rows["seq"]
        self._slots = np.frombuffer(
            self._map, np.uint8, self.layout.slots * self.layout.stride, self.layout.slots_offset
        ).reshape(self.layout.slots, self.layout.stride)[:, : self.layout.slot_bytes]

    @classmethod
    def create(cls, path: Path, layout: Layout) -> "Ring":
        """Creates the file, reserves all its pages and maps it. Raises RunError where shared memory has no room."""
        values = (MAGIC, VERSION, layout.epoch, layout.slots, layout.slot_bytes, layout.stride, layout.slots_offset)
        pixels = layout.geometry
        header = np.zeros(1, _HEADER)
        header[0] = (*values, *((pixels.width, pixels.height, pixels.pixel_format.encode()) if pixels else (0, 0, b"")))
        descriptor = allocate(path, layout.file_bytes)
        try:
            os.pwrite(descriptor, header.tobytes(), 0)
        finally:
            os.close(descriptor)
        return cls(path, writable=True)

    @property
    def memory(self) -> NDArray[np.uint8]:
        """The whole mapping, header included, a view: whole pages, to be page-locked for a device."""
        return np.frombuffer(self._map, np.uint8)

    # ---- the writer

    def begin(self, slot: int) -> NDArray[np.uint8]:
        """Marks the slot as being written; returns its bytes to fill, (slot_bytes,) uint8, a view."""
        self._generations[slot] += np.uint64(1 if self._generations[slot] % 2 == 0 else 2)
        _fence()
        return self.bytes(slot)

    def commit(self, slot: int, seq: int) -> int:
        """Marks the slot as whole, with frame `seq`; returns its generation."""
        self._seqs[slot] = seq
        _fence()
        self._generations[slot] += np.uint64(1)
        return int(self._generations[slot])

    # ---- readers

    def bytes(self, slot: int) -> NDArray[np.uint8]:
        """The slot's bytes, (slot_bytes,) uint8, a view."""
        view: NDArray[np.uint8] = self._slots[slot]
        return view

    def picture(self, slot: int) -> NDArray[np.uint8]:
        """The slot as an image, a view: (H, W, 3) for bgr24, (H * 3 / 2, W) for i420 and nv12.

        Raises RingError where the ring holds tensors.
        """
        if self.layout.geometry is None:
            raise RingError(f"{self.path.name}: a ring of tensors holds no pictures")
        return self.bytes(slot).reshape(self.layout.geometry.shape)

    def array(self, slot: int, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        """An array at the start of the slot, a view. Raises ValueError where the slot is too small."""
        return self.arrays(slot, [dtype], [shape])[0]

    def arrays(self, slot: int, dtypes: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> list[NDArray[Any]]:
        """Several arrays in the slot, views, on boundaries of 64 bytes. Raises ValueError where they do not fit."""
        arrays, offset = [], 0
        for dtype, shape in zip(dtypes, shapes, strict=True):
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            if offset + size > self.layout.slot_bytes:
                raise ValueError(f"{self.path.name}: {shape} {dtype} ends behind its {self.layout.slot_bytes} bytes")
            arrays.append(self.bytes(slot)[offset : offset + size].view(dtype).reshape(shape))
            offset += -(-size // 64) * 64
        return arrays

    def seq(self, slot: int) -> int:
        """Number of the frame last committed to the slot."""
        return int(self._seqs[slot])

    def intact(self, slot: int, generation: int) -> bool:
        """True if the slot has not been written since it had that generation."""
        _fence()
        return int(self._generations[slot]) == generation

    def find(self, seq: int) -> tuple[int, int] | None:
        """Slot and generation of frame `seq`, for readers without a lease; None if it is overwritten."""
        for slot in np.flatnonzero(self._seqs == seq):
            generation = int(self._generations[slot])
            if generation and generation % 2 == 0 and int(self._seqs[slot]) == seq:
                return int(slot), generation
        return None

    def copy(self, seq: int) -> NDArray[np.uint8] | None:
        """A copy of frame `seq`, shaped as `picture`; None if it was overwritten before or during the copy."""
        found = self.find(seq)
        if found is None:
            return None
        _fence()
        picture = self.picture(found[0]).copy()
        return picture if self.intact(*found) else None

    def close(self) -> None:
        """Unmaps the ring, once no view into it is left."""
        del self._slots, self._seqs, self._generations
        with contextlib.suppress(BufferError):  # a view is left: the mapping is released with the last one
            self._map.close()


def _geometry(header: np.void, path: Path) -> Geometry | None:
    if not header["pixel_format"]:
        return None
    pixel_format = header["pixel_format"].decode(errors="replace")
    if pixel_format not in get_args(PixelFormat):
        raise RingError(f"{path}: its frames are of an unknown pixel format")
    try:
        geometry = Geometry(int(header["width"]), int(header["height"]), pixel_format)
    except ValueError as error:
        raise RingError(f"{path}: {error}") from None
    if geometry.nbytes > header["slot_bytes"]:
        raise RingError(f"{path}: its frames take {geometry.nbytes} bytes, its slots have {header['slot_bytes']}")
    return geometry
