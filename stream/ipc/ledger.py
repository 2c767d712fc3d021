"""What became of every frame: for each camera, captured = published + dropped by reason + in flight, at any moment.

The ledger is a page of shared memory that the supervisor owns, so that the counts survive the death of any stage.
A frame's fate is decided once, in `settle`, by whoever comes first: publish, which sends it, or a stage that gives it
up. The page is locked meanwhile (a record lock on the file, which the kernel frees when its holder is killed), and what
is about to change is written down before, so that the next one in finishes what a killed process began.
"""

import contextlib
import fcntl
import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

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
_WINDOW = 32768  # frames of one camera whose fate is remembered: a minute, the longest timeout, at the highest rate
_BUCKETS = 256  # of a latency histogram: 8 an octave from 1 us on, so a value is known to 9 %
_PER_OCTAVE = 8
_BLOCK = np.dtype(
    [
        ("captured", "<u8"),
        ("counts", "<u8", len(_FATES)),
        ("redo_armed", "<u8"),
        ("redo_cell", "<u8"),
        ("redo_fate", "<u8"),
        ("redo_count", "<u8"),
        ("people", "<u8"),
        ("latency", "<u8", _BUCKETS),
        ("busy_ns", "<u8", len(STAGES)),
        ("cells", "<u8", _WINDOW),
    ]
)


@dataclass(frozen=True, slots=True)
class Account:
    """One camera's balance at one moment."""

    captured: int
    published: int
    drops: Mapping[str, int]
    people: int

    @property
    def dropped(self) -> int:
        """Frames dropped, for whatever reason."""
        return sum(self.drops.values())

    @property
    def in_flight(self) -> int:
        """Frames captured whose fate is not decided yet."""
        return self.captured - self.published - self.dropped


class Ledger:
    """The mapped page. Not thread-safe: record locks belong to a process, so one thread of it settles."""

    def __init__(self, path: Path, cameras: Sequence[str]) -> None:
        """Maps the page made by `create`; `cameras` in the same order."""
        self._index = {camera: i for i, camera in enumerate(cameras)}
        self._descriptor = os.open(path, os.O_RDWR)
        self._map = mmap.mmap(self._descriptor, _BLOCK.itemsize * len(cameras))
        self._blocks = np.frombuffer(self._map, _BLOCK)

    @classmethod
    def create(cls, path: Path, cameras: Sequence[str]) -> "Ledger":
        """Makes the page, all zeros, and maps it. Raises RunError where there is no room."""
        os.close(allocate(path, _BLOCK.itemsize * len(cameras)))
        return cls(path, cameras)

    def count_captured(self, camera: str, total: int) -> None:
        """Says that `camera` has delivered `total` frames; capture alone calls this, before it settles any of them."""
        self._blocks["captured"][self._index[camera]] = total

    def settle(self, camera: str, seq: int, fate: str) -> bool:
        """Decides the fate of a frame: "published" or a drop reason. False where it was decided before."""
        index, fate_index = self._index[camera], _FATES.index(fate)
        block = self._blocks[index]
        cell = (seq + 1) * len(_FATES) + fate_index
        with self._locked(index):
            if int(block["cells"][seq % _WINDOW]) // len(_FATES) > seq:
                return False
            block["redo_cell"], block["redo_fate"] = cell, fate_index
            block["redo_count"] = block["counts"][fate_index] + np.uint64(1)
            block["redo_armed"] = 1
            _redo(block)
        return True

    def unsettled(self, camera: str) -> list[int]:
        """The frames of `camera` that are still in flight."""
        index = self._index[camera]
        with self._locked(index):
            block = self._blocks[index]
            captured = int(block["captured"])
            recent = np.arange(max(0, captured - _WINDOW), captured, dtype=np.uint64)
            decided = block["cells"][recent % _WINDOW] // len(_FATES) > recent
            return [int(seq) for seq in recent[~decided]]

    def account(self, camera: str) -> Account:
        """The balance of `camera` now."""
        index = self._index[camera]
        with self._locked(index):
            block = self._blocks[index]
            published, *drops = (int(count) for count in block["counts"])
            counted = {reason: n for reason, n in zip(DROP_REASONS, drops, strict=True) if n}
            return Account(int(block["captured"]), published, counted, int(block["people"]))

    # ---- how long, how many: written by publish alone

    def note_published(self, camera: str, people: int, latency_ns: int, busy_ns: Mapping[str, int]) -> None:
        """Adds a published frame's number of people, its latency and each stage's work to the camera's figures."""
        block = self._blocks[self._index[camera]]
        block["people"] = people
        bucket = int(np.log2(max(latency_ns, 1000) / 1000) * _PER_OCTAVE)
        block["latency"][min(bucket, _BUCKETS - 1)] += np.uint64(1)
        for i, stage in enumerate(STAGES):
            block["busy_ns"][i] += np.uint64(busy_ns.get(stage, 0))

    def latencies(self, camera: str) -> NDArray[np.uint64]:
        """The camera's histogram of latency from arrival to publication, a copy; see `percentile_ms`."""
        counts: NDArray[np.uint64] = self._blocks["latency"][self._index[camera]].copy()
        return counts

    def busy_ms(self, camera: str) -> dict[str, float]:
        """Milliseconds that each stage worked on the published frames of `camera`, in all."""
        busy = self._blocks["busy_ns"][self._index[camera]]
        return {stage: float(ns) / 1e6 for stage, ns in zip(STAGES, busy, strict=True)}

    def close(self) -> None:
        """Unmaps the page."""
        del self._blocks
        with contextlib.suppress(BufferError):
            self._map.close()
        os.close(self._descriptor)

    @contextlib.contextmanager
    def _locked(self, index: int) -> Iterator[None]:
        where = index * _BLOCK.itemsize
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, where)
        try:
            if self._blocks[index]["redo_armed"]:
                _redo(self._blocks[index])
            yield
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, where)


def _redo(block: np.void) -> None:
    """Carries out what was written down; doing it twice changes nothing."""
    cell = int(block["redo_cell"])
    block["cells"][(cell // len(_FATES) - 1) % _WINDOW] = cell
    block["counts"][int(block["redo_fate"])] = block["redo_count"]
    block["redo_armed"] = 0


def percentile_ms(latencies: NDArray[np.uint64], percent: float) -> float | None:
    """The latency in ms under which `percent` of the histogram's frames lie; None where it has none."""
    total = int(latencies.sum())
    if total == 0:
        return None
    bucket = int(np.searchsorted(np.cumsum(latencies), total * percent / 100))
    return float(2 ** ((bucket + 0.5) / _PER_OCTAVE)) / 1000
