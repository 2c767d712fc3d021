"""The ledger of frames: for each camera, captured = published + dropped by reason + in flight, at any moment.

It is a file in shared memory that the supervisor owns, so that the counts survive the death of any stage: one block a
camera, all integers little-endian u64.

    captured                   frames that the source delivered; written by capture alone
    counts[8]                  frames settled: published, then one count a drop reason
    redo_armed, _cell, _count  redo log of the settlement under way
    people                     people in the last published frame
    latency[256]               histogram, arrival to publication
    busy_ns[5]                 total work of each stage; like the two above, written by publish alone
    cells[32768]               fate of frame `seq`, in cell `seq % 32768`: see `_pack`

A frame is settled once, by the first process that calls `settle`: publish, which sends it, or a stage that abandons it.
Settling holds a record lock on the block, which the kernel frees when its holder is killed, and writes the redo log
first, so that the next holder completes what a killed process left half done.
"""

import contextlib
import fcntl
import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posestream.stream.ipc.shared_memory import allocate

DROP_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "replaced": "a newer frame came before the pipeline had room for this one",
        "undecodable": "the source could not make a picture of it",
        "timeout": "it did not come back within in_flight_timeout_ms",
        "stage_lost": "a process that held it died",
        "failed": "the runtime could not run a network on it",
        "torn": "its pixels or tensors were overwritten while being read",
        "stopped": "the run ended while it was under way",
    }
)
STAGES = ("capture", "preprocess", "infer", "postprocess", "publish")
_FATES = ("published", *DROP_REASONS)
_WINDOW = 32768  # frames of one camera whose fate is kept: the longest timeout, a minute, at the highest rate
_BUCKETS = 256  # of a latency histogram: 8 an octave from 1 us on, so a value is exact to 4.4 %
_PER_OCTAVE = 8
_BLOCK = np.dtype(
    [
        ("captured", "<u8"),
        ("counts", "<u8", len(_FATES)),
        ("redo_armed", "<u8"),
        ("redo_cell", "<u8"),
        ("redo_count", "<u8"),
        ("people", "<u8"),
        ("latency", "<u8", _BUCKETS),
        ("busy_ns", "<u8", len(STAGES)),
        ("cells", "<u8", _WINDOW),
    ]
)


@dataclass(frozen=True, slots=True)
class Account:
    """One camera's balance at one moment: frames since the start, and people in the last published frame."""

    captured: int
    published: int
    drops: Mapping[str, int]
    people: int

    @property
    def dropped(self) -> int:
        """Frames dropped, for any reason."""
        return sum(self.drops.values())

    @property
    def in_flight(self) -> int:
        """Frames captured and not settled yet."""
        return self.captured - self.published - self.dropped


def _pack(seq: int, fate: int) -> int:
    """The cell of frame `seq` with that fate, an index of `_FATES`. It grows with `seq`; 0 is an empty cell."""
    return (seq + 1) * len(_FATES) + fate


def _unpack(cell: Any) -> tuple[Any, Any]:
    """`seq` and fate of a cell, -1 and 0 of an empty one: an int, or an int64 array element by element."""
    turn, fate = divmod(cell, len(_FATES))
    return turn - 1, fate


class Ledger:
    """The mapped file. Not thread-safe: record locks belong to a process, so only one of its threads may settle."""

    def __init__(self, path: Path, cameras: Sequence[str]) -> None:
        """Maps the file made by `create`; `cameras` in the same order."""
        self._index = {camera: i for i, camera in enumerate(cameras)}
        self._descriptor = os.open(path, os.O_RDWR)
        self._map = mmap.mmap(self._descriptor, _BLOCK.itemsize * len(cameras))
        self._blocks = np.frombuffer(self._map, _BLOCK)

    @classmethod
    def create(cls, path: Path, cameras: Sequence[str]) -> "Ledger":
        """Makes the file, all zeros, and maps it. Raises RunError where shared memory has no room."""
        os.close(allocate(path, _BLOCK.itemsize * len(cameras)))
        return cls(path, cameras)

    def count_captured(self, camera: str, total: int) -> None:
        """Sets the frames captured so far to `total`. Only capture calls this, before it settles any of them."""
        self._blocks["captured"][self._index[camera]] = total

    def settle(self, camera: str, seq: int, fate: str) -> bool:
        """Settles frame `seq` as "published" or as a drop reason. Returns False if it was settled before.

        Raises ValueError where `fate` is neither.
        """
        fate_index = _FATES.index(fate)
        with self._locked(camera) as block:
            settled_seq, _ = _unpack(int(block["cells"][seq % _WINDOW]))
            if settled_seq >= seq:
                return False
            block["redo_cell"] = _pack(seq, fate_index)
            block["redo_count"] = block["counts"][fate_index] + np.uint64(1)
            block["redo_armed"] = 1
            _redo(block)
        return True

    def unsettled(self, camera: str) -> list[int]:
        """The frames of `camera` in flight, by `seq`, as far back as the window reaches."""
        with self._locked(camera) as block:
            captured = int(block["captured"])
            recent = np.arange(max(0, captured - _WINDOW), captured)
            settled_seqs, _ = _unpack(block["cells"][recent % _WINDOW].astype(np.int64))
            return [int(seq) for seq in recent[settled_seqs < recent]]

    def account(self, camera: str) -> Account:
        """The balance of `camera` now."""
        with self._locked(camera) as block:
            published, *drops = (int(count) for count in block["counts"])
            counted = {reason: n for reason, n in zip(DROP_REASONS, drops, strict=True) if n}
            return Account(int(block["captured"]), published, counted, int(block["people"]))

    # ---- figures, written by publish alone

    def note_published(self, camera: str, people: int, latency_ns: int, busy_ns: Mapping[str, int]) -> None:
        """Adds a published frame: its number of people, its latency, and the time each stage worked on it."""
        block = self._blocks[self._index[camera]]
        block["people"] = people
        bucket = int(np.log2(max(latency_ns, 1000) / 1000) * _PER_OCTAVE)
        block["latency"][min(bucket, _BUCKETS - 1)] += np.uint64(1)
        for i, stage in enumerate(STAGES):
            block["busy_ns"][i] += np.uint64(busy_ns.get(stage, 0))

    def latencies(self, camera: str) -> NDArray[np.uint64]:
        """The camera's latency histogram (256,) uint64, from arrival to publication, a copy; see `percentile_ms`."""
        counts: NDArray[np.uint64] = self._blocks["latency"][self._index[camera]].copy()
        return counts

    def busy_ms(self, camera: str) -> dict[str, float]:
        """Total milliseconds of work of each stage on the published frames of `camera`."""
        busy = self._blocks["busy_ns"][self._index[camera]]
        return {stage: float(ns) / 1e6 for stage, ns in zip(STAGES, busy, strict=True)}

    def close(self) -> None:
        """Unmaps the file."""
        del self._blocks
        with contextlib.suppress(BufferError):
            self._map.close()
        os.close(self._descriptor)

    @contextlib.contextmanager
    def _locked(self, camera: str) -> Iterator[np.void]:
        """The camera's block, locked; a settlement that a killed process left half done is completed first."""
        index = self._index[camera]
        block, first_byte = self._blocks[index], index * _BLOCK.itemsize
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, first_byte)
        try:
            if block["redo_armed"]:
                _redo(block)
            yield block
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, first_byte)


def _redo(block: np.void) -> None:
    """Applies the redo log and disarms it. Applying it twice changes nothing."""
    cell = int(block["redo_cell"])
    seq, fate = _unpack(cell)
    block["cells"][seq % _WINDOW] = cell
    block["counts"][fate] = block["redo_count"]
    block["redo_armed"] = 0


def percentile_ms(latencies: NDArray[np.uint64], percent: float) -> float | None:
    """The latency in ms that `percent` of the histogram's frames do not exceed; None if the histogram is empty."""
    total = int(latencies.sum())
    if total == 0:
        return None
    bucket = int(np.searchsorted(np.cumsum(latencies), total * percent / 100))
    return float(2 ** ((bucket + 0.5) / _PER_OCTAVE)) / 1000
